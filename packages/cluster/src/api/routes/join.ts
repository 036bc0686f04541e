/**
 * Admitting a node. In this order, so that a crash or a refusal at any step costs at most a token:
 *
 * 1. The token is looked up here; a stranger costs the cluster nothing.
 * 2. The name and the addresses must be free, the program must know the feature level in use, and the edition must have room.
 * 3. The certificate is made.
 * 4. The token is spent: committed, so that no second node can use it, wherever it asks.
 * 5. The member is committed. From now on the others try to reach it.
 * 6. The answer with certificate, authority and cluster key goes out.
 *
 * When the answer to step 6 is lost, the operator removes the member and begins again with a new token.
 */
import { EterneError } from '@eterne/base';
import type { MemberAddress } from '../../node/identity.ts';
import { hostOf, parseAddresses, parseApiAddress } from '../../pki/addresses.ts';
import { certificateFingerprint } from '../../pki/fingerprint.ts';
import { issueApart } from '../../pki/issue.ts';
import { createToken, decodeToken, encodeToken, hashSecret } from '../../pki/token.ts';
import { memberLimit } from '../../state/apply-member.ts';
import type { ClusterState, LogPlace, MemberSpec } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { joinAnswer, joinRequest, joinToken, joinTokenOrder, type JoinRequest } from '../schema/access.ts';

const DEFAULT_VALID_MINUTES = 60;
const MINUTE_MS = 60_000;

export function joinRoutes(api: Api, context: ApiContext): void {
  const { facade, identity, world } = context;

  api.post(
    '/api/v1/tokens',
    {
      schema: {
        summary: 'Make a one-time token that admits one node',
        body: joinTokenOrder,
        response: { 200: joinToken },
      },
      config: { access: 'admin' },
    },
    async (request) => {
      const token = createToken('join', certificateFingerprint(identity.tls.caPem), world.random);
      const validMinutes = request.body?.validMinutes ?? DEFAULT_VALID_MINUTES;
      const expiresAtMs = world.clock.wallMs() + validMinutes * MINUTE_MS;
      await facade.tokenAdd(hashSecret(token.secret), expiresAtMs, requesterOf(request));
      return { token: encodeToken(token), expiresAtMs };
    },
  );

  api.post(
    '/api/v1/join',
    {
      schema: { summary: 'Join with a one-time token', body: joinRequest, response: { 200: joinAnswer } },
      config: { access: 'public' },
    },
    async (request) => {
      const order = request.body;
      const tokenHash = hashSecret(decodeToken('join', order.token).secret);
      requireToken(facade.state(), tokenHash, world.clock.wallMs());
      requireStill(facade.state());
      const member = memberOf(order);
      requireFree(facade.state(), member);
      requireLevel(facade.state(), member);
      requireRoom(facade.state(), member);
      const certPem = await certify(context, member, order.certificateRequest);
      await facade.tokenUse(tokenHash);
      const members = sortedValues(facade.state().members).map(addressOf);
      await facade.joinNode(member, `join@${request.ip}`);
      world.log('info', 'a node has joined', { node: member.name, from: request.ip });
      return {
        cluster: identity.clusterName,
        clusterId: identity.clusterId,
        clusterKey: identity.clusterKey.toString('base64'),
        certPem,
        caPem: identity.tls.caPem,
        caKeyPem: member.role === 'node' ? (context.authority?.keyPem ?? null) : null,
        members,
        log: placeOf(facade.state()),
      };
    },
  );
}

/** While the log moves nobody could say which one a newcomer has to follow. */
function placeOf({ log }: ClusterState): Pick<LogPlace, 'epoch' | 'consensus'> {
  return { epoch: log.epoch, consensus: log.consensus };
}

function requireStill({ log }: ClusterState): void {
  if (log.phase === 'moving' || log.phase === 'sealed')
    throw new EterneError('busy', 'the cluster’s log is on its way to another place', {
      hint: 'join when `eterne status` says that it is steady',
    });
}

function requireToken({ tokens }: ClusterState, tokenHash: string, nowMs: number): void {
  const known = Object.hasOwn(tokens, tokenHash) ? tokens[tokenHash] : undefined;
  if (!known || known.expiresAtMs <= nowMs)
    throw new EterneError('unauthorized', 'the join token is unknown, used or expired', {
      hint: 'make a new one with `eterne cluster token`',
    });
}

function memberOf(order: JoinRequest): MemberSpec {
  const { node: name, role, voterId, api, level } = order;
  return {
    name,
    role,
    voterId,
    level,
    api: parseApiAddress(api),
    addresses: parseAddresses(order.addresses),
  };
}

/** Nobody takes a member's place before that is removed, which asks for a word where the member may run on (service/pair/removal.ts). */
function requireFree({ members, alone }: ClusterState, { name, addresses }: MemberSpec): void {
  for (const member of sortedValues(members)) {
    const shared = member.addresses.find((address) => addresses.includes(address));
    if (member.name !== name && shared === undefined) continue;
    throw new EterneError('exists', `${member.name === name ? name : shared} belongs to a member already`, {
      hint:
        alone?.peer === member.name
          ? `if ${member.name} is certainly off, and stays off until its state folder is cleared: eterne node remove ${member.name} --confirm-stopped`
          : `if ${member.name} is gone for good: eterne node remove ${member.name}`,
    });
  }
}

function requireLevel({ level: used }: ClusterState, { name, level }: MemberSpec): void {
  if (level >= used) return;
  throw new EterneError(
    'needs-upgrade',
    `the cluster uses feature level ${used}, and the program of ${name} knows ${level}`,
    { hint: `install the program of the other nodes on ${name}` },
  );
}

/** The log decides; asked here already, where it costs no token. */
function requireRoom(state: ClusterState, member: MemberSpec): void {
  const refusal = memberLimit(state, member);
  if (refusal === undefined) return;
  const isOfEdition = state.config.edition === 'ha' && member.role === 'node';
  const hint = 'for more: eterne cluster upgrade; nothing that runs notices';
  throw new EterneError('refused', refusal, isOfEdition ? { hint } : {});
}

async function certify(context: ApiContext, member: MemberSpec, requestPem: string): Promise<string> {
  const { authority, identity, world } = context;
  if (!authority)
    throw new EterneError('refused', `${identity.node} is a witness and cannot admit anybody`, {
      hint: 'join by the address of a node',
    });
  const hosts = [...member.addresses, member.api].map(hostOf);
  const subject = { cluster: identity.clusterName, node: member.name, hosts };
  return issueApart(world, { authority, subject, requestPem, nowMs: world.clock.wallMs() });
}

function addressOf({ name, role, addresses }: MemberSpec): MemberAddress {
  return { node: name, role, addresses };
}
