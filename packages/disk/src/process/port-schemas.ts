/** Checks what a `DiskPort` client sends. Apart from `port-messages.ts`, so that the small daemons that only send need no zod. */
import * as z from 'zod';
import { ATTACH_CHOICES } from '../attach/choose.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
/** As many as a cluster's node has. */
const ADDRESSES_MAX = 8;
const whole = z.number().int().min(0);

/** Fields of every version of `VolumeConfig`; those added later pass through unchecked. */
const volumeConfig = z.looseObject({
  name,
  node: name,
  sizeBytes: whole,
  devicePath: z.string(),
  metadataPath: z.string(),
  peers: z.record(name, z.array(z.string())),
});
const exportSpec = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('nbd'),
    listen: z.string(),
    tls: z.object({ ca: z.string(), cert: z.string(), key: z.string() }).optional(),
  }),
  z.object({ kind: z.literal('attach'), as: z.enum(ATTACH_CHOICES), folder: z.string() }),
  z.object({
    kind: z.literal('iscsi'),
    listen: z.string(),
    iqn: z.string(),
    initiators: z.array(z.string()).optional(),
    chap: z
      .object({
        user: z.string(),
        password: z.string(),
        mutualUser: z.string().optional(),
        mutualPassword: z.string().optional(),
      })
      .optional(),
  }),
]);
const grant = z.object({
  term: z.object({ number: whole, grantor: z.string() }),
  set: z.object({ version: whole, members: z.array(name) }),
});
const promoteRequest = z.object({
  force: z.boolean(),
  granted: grant.optional(),
});
const verifyRequest = z.object({ peer: name.optional(), fast: z.boolean(), repair: z.boolean() });
const rescueId = z.number().int().min(1);
const rescueAction = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('list') }),
  z.object({
    kind: z.literal('export'),
    name: name.optional(),
    id: rescueId.optional(),
    path: z.string().max(4096),
  }),
  z.object({ kind: z.literal('drop'), id: rescueId }),
]);
const replicaCall = z.discriminatedUnion('verb', [
  z.object({ verb: z.enum(['connect', 'disconnect']), peer: name }),
  z.object({ verb: z.literal('resolve'), peer: name.optional(), discard: z.enum(['local', 'remote']) }),
  z.object({ verb: z.literal('verify'), request: verifyRequest }),
  z.object({ verb: z.literal('resync'), peer: name.optional() }),
  z.object({ verb: z.enum(['invalidate', 'explain-split-brain', 'detach', 'refresh']) }),
  z.object({ verb: z.literal('rescue'), action: rescueAction }),
  z.object({ verb: z.literal('resize'), name, sizeBytes: whole }),
  z.object({ verb: z.literal('attach'), request: z.object({ replaced: z.boolean() }) }),
]);
const setAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('committed'), set: z.object({ version: whole, members: z.array(name) }) }),
  z.object({ kind: z.literal('refused'), reason: z.string() }),
  z.object({ kind: z.literal('hold'), reason: z.string() }),
]);

export const clientBodies = {
  'ensure-volume': z.object({
    spec: z.object({
      config: volumeConfig,
      exports: z.array(exportSpec),
      members: z.array(z.object({ metadataPath: z.string(), exports: z.array(exportSpec) })).optional(),
    }),
    committed: grant.optional(),
  }),
  'remove-volume': z.object({ name }),
  promote: z.object({ name, request: promoteRequest }),
  demote: z.object({ name }),
  ask: z.object({ name, call: replicaCall }),
  lease: z.object({ name, lease: z.object({ validUntilBootMs: z.number(), graceMs: z.number() }) }),
  listen: z.object({ addresses: z.array(z.string().max(300)).min(1).max(ADDRESSES_MAX) }),
  arbitrate: z.unknown(),
  verdict: z.object({ id: whole, answer: setAnswer }),
};
