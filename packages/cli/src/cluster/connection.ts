/** Where the cluster is and with what right it is asked: --api and --token, their environment variables, or a node's own DIR. */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import type { ApiTarget } from '@eterne/cluster/api/client.ts';
import { rootToken } from '@eterne/cluster/api/auth/root-token.ts';
import { type NodeIdentity, readIdentity } from '@eterne/cluster/node/identity.ts';
import { certificateFingerprint } from '@eterne/cluster/pki/fingerprint.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import { decodeToken, encodeToken } from '@eterne/cluster/pki/token.ts';

export const DEFAULT_DIR = '/var/lib/eterne';

export interface ConnectionOptions {
  readonly api?: string;
  readonly token?: string;
  readonly dir?: string;
}

/** The nodes that may be asked, in order. Throws `usage` when there is no way to know whom. */
export async function findCluster(
  files: Files,
  options: ConnectionOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly [ApiTarget, ...ApiTarget[]]> {
  // A DIR given by hand is meant; an empty variable is none.
  const fallback = (name: string) => (options.dir === undefined ? env[name] || undefined : undefined);
  const api = options.api ?? fallback('ETERNE_API');
  const token = options.token ?? fallback('ETERNE_TOKEN');
  if (api !== undefined && token !== undefined) {
    const { authorityFingerprint } = decodeToken('api', token);
    return targetsOf(api, { authorityFingerprint, token });
  }
  const identity = await localNode(files, options.dir, api);
  const authorityPem = identity.tls.caPem;
  const authorityFingerprint = certificateFingerprint(authorityPem);
  return targetsOf(api ?? `https://${reachable(identity.api)}`, {
    authorityPem,
    authorityFingerprint,
    token: token ?? encodeToken(rootToken(identity.clusterKey, authorityFingerprint)),
  });
}

/** The folder of the node that is asked because nobody said whom. */
export function ownFolder(
  { api, dir }: ConnectionOptions,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const isSaid = api !== undefined || (dir === undefined && Boolean(env['ETERNE_API']));
  return isSaid ? undefined : (dir ?? DEFAULT_DIR);
}

function targetsOf(api: string, right: Omit<ApiTarget, 'url'>): readonly [ApiTarget, ...ApiTarget[]] {
  const [first = '', ...others] = api.split(',').filter((text) => text !== '');
  const target = (text: string): ApiTarget => ({ url: parseUrl(text), ...right });
  return [target(first), ...others.map(target)];
}

async function localNode(
  files: Files,
  dir: string | undefined,
  api: string | undefined,
): Promise<NodeIdentity> {
  try {
    return await settle<NodeIdentity>((done) => readIdentity(files, dir ?? DEFAULT_DIR, done));
  } catch (cause) {
    if (!(cause instanceof EterneError)) throw cause;
    if (cause.code === 'forbidden')
      throw new EterneError('forbidden', `this user may not read ${dir ?? DEFAULT_DIR}, where a node is`, {
        hint: 'be root, or set ETERNE_API and ETERNE_TOKEN',
        cause,
      });
    if (dir !== undefined) throw cause;
    const missing = api === undefined ? 'no cluster is given' : `no token for ${api}`;
    throw new EterneError('usage', missing, {
      hint: 'set ETERNE_API and ETERNE_TOKEN, or on a node give --dir',
      cause,
    });
  }
}

function parseUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url?.protocol !== 'https:')
    throw new EterneError('usage', `not the address of an API: ${JSON.stringify(text)}`, {
      hint: 'write for example https://10.0.0.1:8443',
    });
  return url.origin;
}

/** A node that listens everywhere is asked on loopback. */
function reachable(api: string): string {
  return api.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}
