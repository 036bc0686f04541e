/** `eterne cluster join` and `eterne witness join`: the newcomer's side. The cluster's side is `api/routes/join.ts`. */
import { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import { callApi } from '../api/client.ts';
import { joinAnswer, type JoinAnswer } from '../api/schema/access.ts';
import { CLUSTER_KEY_BYTES, type NodeIdentity, writeIdentity } from '../node/identity.ts';
import { createNodeLog } from '../node/raft-log.ts';
import { LEVELS } from '../state/levels.ts';
import { parseApiAddress } from './addresses.ts';
import { writeAuthorityKey } from './files.ts';
import { checkOrder, type NodeOrder, type PkiWorld, requireNoNode } from './found.ts';
import { createRequest } from './request.ts';
import { settle } from './settle.ts';
import { decodeToken } from './token.ts';

export interface JoinOrder extends NodeOrder {
  readonly role: 'node' | 'witness';
  readonly token: string;
  /** The API of any node of the cluster. */
  readonly to: Address;
}

/**
 * 1. Everything that can be wrong on this side is found before the cluster is asked.
 * 2. Nothing is sent before the other side has shown the authority that the token names.
 * 3. node.json is written last: without it DIR is no node.
 */
export async function joinCluster(world: PkiWorld, order: JoinOrder): Promise<NodeIdentity> {
  const addresses = checkOrder(order);
  const api = parseApiAddress(order.api);
  const token = decodeToken('join', order.token);
  await requireNoNode(world, order.dir);
  await settle((done) => world.files.makeFolder(order.dir, done));
  const { keyPem, requestPem } = await createRequest(order.node);
  const voterId = world.random.uuid();
  const answer = await callApi(
    { url: `https://${parseApiAddress(order.to)}`, authorityFingerprint: token.authorityFingerprint },
    {
      method: 'POST',
      path: '/api/v1/join',
      body: {
        token: order.token.trim(),
        node: order.node,
        role: order.role,
        addresses,
        api,
        voterId,
        level: LEVELS.program,
        certificateRequest: requestPem,
      },
    },
    joinAnswer,
  );
  const identity = identityOf(order, answer, { addresses, api, keyPem, voterId });
  if (answer.caKeyPem !== null) await writeAuthorityKey(world.files, order.dir, answer.caKeyPem);
  await settle((done) => createNodeLog(world, order.dir, identity, answer.log, done));
  await settle((done) => writeIdentity(world.files, order.dir, identity, done));
  return identity;
}

function identityOf(
  order: JoinOrder,
  answer: JoinAnswer,
  own: Pick<NodeIdentity, 'addresses' | 'api' | 'voterId'> & { readonly keyPem: string },
): NodeIdentity {
  const clusterKey = Buffer.from(answer.clusterKey, 'base64');
  if (clusterKey.length !== CLUSTER_KEY_BYTES)
    throw new EterneError('protocol', 'the cluster answered with a malformed key');
  const self = { node: order.node, role: order.role, addresses: own.addresses };
  return {
    version: 1,
    clusterName: answer.cluster,
    clusterId: answer.clusterId,
    node: order.node,
    role: order.role,
    addresses: own.addresses,
    api: own.api,
    clusterKey,
    tls: { certPem: answer.certPem, keyPem: own.keyPem, caPem: answer.caPem },
    voterId: own.voterId,
    founder: false,
    seeds: [...answer.members.filter(({ node }) => node !== order.node), self],
  };
}
