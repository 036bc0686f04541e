/** `eterne cluster init`: makes a cluster of one node out of nothing. It exists on disk only; `eterne node run` brings it to life. */
import { EterneError } from '@eterne/base';
import type { Address, World } from '@eterne/runtime';
import { CLUSTER_KEY_BYTES, NAME, type NodeIdentity, readIdentity, writeIdentity } from '../node/identity.ts';
import { createNodeLog } from '../node/raft-log.ts';
import { FIRST_LOG } from '../state/log-defaults.ts';
import type { Profile } from '../state/model.ts';
import { hostOf, parseAddresses, parseApiAddress } from './addresses.ts';
import { createAuthority, issueCertificate } from './authority.ts';
import { type Administrator, writeAdministrator, writeAuthorityKey, writeFoundingDocument } from './files.ts';
import { certificateFingerprint } from './fingerprint.ts';
import { createRequest } from './request.ts';
import { settle } from './settle.ts';
import { createToken, encodeToken } from './token.ts';

export type PkiWorld = Pick<World, 'clock' | 'random' | 'files'>;

/** As typed by the operator. */
export interface NodeOrder {
  readonly dir: string;
  readonly node: string;
  readonly addresses: readonly Address[];
  readonly api: Address;
}

const PASSWORD_CHARACTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const PASSWORD_LENGTH = 20;

/**
 * 1. Nothing is touched when DIR holds a node already (`exists`) or a word is wrong (`config`).
 * 2. node.json is written last: without it DIR is no node, and init may be run again.
 */
export async function foundCluster(
  world: PkiWorld,
  cluster: string,
  order: NodeOrder,
  profile: Profile = 'lan',
): Promise<Administrator> {
  requireName('cluster', cluster);
  const addresses = checkOrder(order);
  const api = parseApiAddress(order.api);
  await requireNoNode(world, order.dir);
  const issue = { random: world.random, nowMs: world.clock.wallMs() };
  const authority = await createAuthority(cluster, issue);
  const { keyPem, requestPem } = await createRequest(order.node);
  const subject = { cluster, node: order.node, hosts: [...addresses, api].map(hostOf) };
  const certPem = await issueCertificate(authority, subject, requestPem, issue);
  const identity: NodeIdentity = {
    version: 1,
    clusterName: cluster,
    clusterId: world.random.uuid(),
    node: order.node,
    role: 'node',
    addresses,
    api,
    clusterKey: world.random.bytes(CLUSTER_KEY_BYTES),
    tls: { certPem, keyPem, caPem: authority.certPem },
    voterId: world.random.uuid(),
    founder: true,
    seeds: [{ node: order.node, role: 'node', addresses }],
  };
  const administrator = createAdministrator(world, api, authority.certPem);
  await settle((done) => world.files.makeFolder(order.dir, done));
  await writeAuthorityKey(world.files, order.dir, authority.keyPem);
  await writeAdministrator(world.files, order.dir, administrator);
  if (profile !== 'lan') await writeFoundingDocument(world.files, order.dir, { cluster: { profile } });
  await settle((done) => createNodeLog(world, order.dir, identity, FIRST_LOG, done));
  await settle((done) => writeIdentity(world.files, order.dir, identity, done));
  return administrator;
}

/** The addresses, complete. Throws `config`. */
export function checkOrder(order: NodeOrder): readonly Address[] {
  requireName('node', order.node);
  return parseAddresses(order.addresses);
}

export async function requireNoNode(world: PkiWorld, dir: string): Promise<void> {
  const identity = await settle<NodeIdentity | undefined>((done) =>
    readIdentity(world.files, dir, (result) =>
      done(result instanceof EterneError && result.code === 'not-found' ? undefined : result),
    ),
  );
  if (identity)
    throw new EterneError(
      'exists',
      `${dir} already holds the node ${identity.node} of ${identity.clusterName}`,
      {
        hint: 'start it as it is; one that was removed from its cluster joins anew from an empty folder',
      },
    );
}

function requireName(what: string, name: string): void {
  if (!NAME.test(name))
    throw new EterneError('config', `not a name for a ${what}: ${JSON.stringify(name)}`, {
      hint: 'letters, digits, dot, dash and underscore, at most 63',
    });
}

function createAdministrator({ random }: PkiWorld, api: Address, caPem: string): Administrator {
  const letters = Array.from({ length: PASSWORD_LENGTH }, () =>
    PASSWORD_CHARACTERS.charAt(random.below(PASSWORD_CHARACTERS.length)),
  );
  return {
    api: `https://${api}`,
    user: 'admin',
    password: letters.join(''),
    token: encodeToken(createToken('api', certificateFingerprint(caPem), random)),
  };
}
