/** Log-in, accounts, tokens, and the admission of a node. */
import { z } from 'zod';
import { NODE_PATHS_MAX } from '../../node/identity.ts';
import { name } from './names.ts';

export const role = z.enum(['viewer', 'operator', 'admin']);
const password = z.string().min(10, 'at least 10 characters').max(256);

export const logIn = z.strictObject({ user: z.string().max(64), password: z.string().max(256) });
export const session = z.object({ user: z.string(), role, cluster: z.string(), node: z.string() });

export const account = z.object({
  name: z.string(),
  role,
  hasPassword: z.boolean(),
  tokenCount: z.int().describe('API tokens that are valid'),
});
export const accountList = z.object({ accounts: z.array(account).readonly() });
export const accountPut = z.strictObject({
  role,
  password: password.exactOptional().describe('absent: the account keeps its password, or has none'),
});
export const apiToken = z.object({
  token: z.string().describe('shown this once; the cluster keeps only its hash'),
});

export const joinTokenOrder = z
  .strictObject({
    validMinutes: z
      .int()
      .min(1)
      .max(7 * 24 * 60)
      .default(60),
  })
  .nullish();
export const joinToken = z.object({ token: z.string(), expiresAtMs: z.number() });

const address = z.string().max(300);
/**
 * What a joining node sends. Its certificate will say what the cluster calls it, not what the request says. A newer program may say
 * more than this one knows: it does not know yet which level it is to keep to.
 */
export const joinRequest = z.object({
  token: z.string().max(200),
  node: name,
  role: z.enum(['node', 'witness']),
  addresses: z.array(address).min(1).max(NODE_PATHS_MAX),
  api: address,
  voterId: z.uuid(),
  level: z.int().min(1).describe('the highest feature level that its program knows'),
  certificateRequest: z.string().max(16_384).describe('PKCS #10, PEM'),
});

const member = z.object({
  node: z.string(),
  role: z.enum(['node', 'witness']),
  addresses: z.array(z.string()).readonly(),
});
/** The only answer of the API that holds secrets: it goes to a machine that has just proved a one-time token. */
export const joinAnswer = z.object({
  cluster: z.string(),
  clusterId: z.string(),
  clusterKey: z.string().describe('base64'),
  certPem: z.string(),
  caPem: z.string(),
  caKeyPem: z.string().nullable().describe('null for a witness: it admits nobody'),
  members: z.array(member).readonly(),
  log: z
    .object({
      epoch: z.int(),
      consensus: z.discriminatedUnion('engine', [
        z.object({ engine: z.literal('embedded') }),
        z.object({
          engine: z.literal('etcd'),
          endpoints: z.array(z.string()).readonly(),
          ca: z.string().nullable(),
          cert: z.string().nullable(),
          key: z.string().nullable(),
        }),
      ]),
    })
    .default({ epoch: 0, consensus: { engine: 'embedded' } })
    .describe('which log the cluster follows'),
});
export type JoinRequest = z.infer<typeof joinRequest>;
export type JoinAnswer = z.infer<typeof joinAnswer>;

export const errorAnswer = z.object({
  code: z.string().describe('stable; see docs/reference/api.md'),
  message: z.string(),
  hint: z.string().nullable(),
});
