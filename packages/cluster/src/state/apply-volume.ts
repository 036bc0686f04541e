/**
 * Terms and in-sync sets. Invariant 1 rests on two rules here: a set is reduced or grown only by the primary of the current term with
 * the version it knows, and a term is granted only to a member of the set.
 */
import { formatSize, unreachable } from '@eterne/base';
import type { Term } from '@eterne/disk/engine/api.ts';
import { instantOf } from '@eterne/runtime';
import { grantorOf } from './apply-half.ts';
import type { Stamp, VolumeCommand } from './commands.ts';
import type { ClusterState, ReplicaSummary, VolumeState } from './model.ts';
import { sortedValues } from './model.ts';
import type { Outcome, Refusal } from './outcome.ts';
import { accepted, noSuch, refuse, withEvent } from './outcome.ts';
import { copiesOf } from './joined.ts';
import { sameMembers } from './records.ts';
import { fileSystemHint } from './file-system-hint.ts';
import { volumesOf } from './references.ts';
import { loserOf, orderRefusal, orderSentence } from './volume-orders.ts';

type Of<Kind extends VolumeCommand['kind']> = Stamp & Extract<VolumeCommand, { kind: Kind }>;

export function applyVolume(state: ClusterState, command: Stamp & VolumeCommand): Outcome {
  const volume = state.volumes[command.volume];
  if (!volume) return { state, refused: noSuch('volume', command.volume, state.volumes) };
  switch (command.kind) {
    case 'volume-promote':
      return promote(state, volume, command);
    case 'volume-set':
      return changeSet(state, volume, command);
    case 'volume-accept-loss':
      return acceptLoss(state, volume, command);
    case 'volume-give-up':
      return giveUp(state, volume, command);
    case 'volume-order':
      return order(state, volume, command);
    case 'volume-grown':
      return grown(state, volume, command);
    case 'volume-report':
      if (volume.primary !== command.node) return refuse(state, 'conflict', `${command.node} is not primary`);
      return accepted(withVolume(state, { ...volume, summary: reported(volume, command) }));
    default:
      return unreachable(command);
  }
}

export function withVolume(state: ClusterState, volume: VolumeState): ClusterState {
  return { ...state, volumes: { ...state.volumes, [volume.spec.name]: volume } };
}

export function sameTerm(a: Term, b: Term): boolean {
  return a.number === b.number && a.grantor === b.grantor;
}

function promote(state: ClusterState, volume: VolumeState, command: Of<'volume-promote'>): Outcome {
  const refusal = promotionRefusal(state, volume, command);
  if (refusal) return { state, refused: refusal };
  // Above what a half of a pair that gave way granted: its numbers are in no log any more, and its replica takes no lower one.
  const highest = Math.max(volume.term.number, command.seenTerm);
  const term: Term = { number: highest + 1, grantor: grantorOf(state) };
  const members = promotedMembers(state, volume, command);
  const isJoined = volume.spec.joined !== undefined;
  const inSyncSet = isJoined ? volume.inSyncSet : { version: volume.inSyncSet.version + 1, members };
  const left = volume.inSyncSet.members.filter((member) => !members.includes(member));
  const next = withVolume(state, { ...volume, term, primary: command.node, crashed: null, inSyncSet });
  return accepted(
    withEvent(next, command, {
      level: left.length > 0 ? 'warning' : 'info',
      code: 'volume.promoted',
      volume: command.volume,
      node: command.node,
      message:
        `${command.node} writes ${command.volume} in term ${term.number}` +
        (isJoined ? `, on ${copiesOf(volume.spec).join(', ')}` : `, in sync: ${members.join(', ')}`) +
        (left.length > 0 ? `; out of reach or to be brought up to date: ${left.join(', ')}` : ''),
    }),
  );
}

function promotionRefusal(
  state: ClusterState,
  volume: VolumeState,
  command: Of<'volume-promote'>,
): Refusal | undefined {
  const group = state.groups[command.group];
  if (!group || group.owner !== command.node || group.epoch !== command.epoch)
    return { code: 'conflict', message: `${command.node} does not own ${command.group} any more` };
  if (!volumesOf(group.spec).includes(command.volume))
    return { code: 'refused', message: `group ${command.group} has no mirror resource of ${command.volume}` };
  if (volume.term.number !== command.expectedTerm)
    return { code: 'conflict', message: `${command.volume} is in term ${volume.term.number} by now` };
  if (!command.reached.includes(command.node))
    return { code: 'refused', message: `${command.node} does not reach its own replica` };
  if (volume.spec.joined !== undefined)
    return volume.spec.replicas.some(({ node }) => node === command.node)
      ? undefined
      : { code: 'refused', message: `${command.node} does not reach the devices of ${command.volume}` };
  if (volume.inSyncSet.version > 0 && !volume.inSyncSet.members.includes(command.node))
    return {
      code: 'refused',
      message: `${command.node} does not hold every acknowledged write of ${command.volume}`,
    };
  return undefined;
}

/**
 * A primary that went down uncleanly has to be brought up to date before it counts again. The very first promotion makes its
 * node the only source, unless the operator gave his word that all copies are equal.
 */
function promotedMembers(
  state: ClusterState,
  volume: VolumeState,
  command: Of<'volume-promote'>,
): readonly string[] {
  if (volume.spec.joined !== undefined) return volume.inSyncSet.members;
  const replaced = replacedOf(state, command);
  const reached = command.reached.filter((node) => !replaced.includes(node));
  if (volume.inSyncSet.version > 0)
    return volume.inSyncSet.members.filter(
      (member) => member === command.node || (reached.includes(member) && member !== volume.crashed),
    );
  if (volume.spec.initialSync !== 'none') return [command.node];
  return volume.spec.replicas.map(({ node }) => node).filter((node) => reached.includes(node));
}

/** Names by which somebody was seen who is no member any more: another one has the name, or nobody. */
function replacedOf(state: ClusterState, { lives = {} }: Pick<Of<'volume-set'>, 'lives'>): readonly string[] {
  return Object.keys(lives).filter((name) => state.members[name]?.voterId !== lives[name]);
}

function changeSet(state: ClusterState, volume: VolumeState, command: Of<'volume-set'>): Outcome {
  const { inSyncSet } = volume;
  if (volume.primary !== command.node || !sameTerm(volume.term, command.term))
    return refuse(state, 'conflict', `${command.node} is not primary of ${command.volume} in this term`);
  if (command.expectedVersion + 1 === inSyncSet.version && sameMembers(inSyncSet.members, command.members))
    return accepted(state); // the same proposal, asked again because its first answer was lost
  if (command.expectedVersion !== inSyncSet.version)
    return refuse(state, 'conflict', `the in-sync set has version ${inSyncSet.version} by now`);
  const foreign = command.members.find(
    (member) =>
      // Of a replica that was taken out a moment ago the primary may not know yet.
      !inSyncSet.members.includes(member) && !copiesOf(volume.spec).includes(member),
  );
  if (command.members.length === 0 || foreign !== undefined)
    return refuse(state, 'refused', `an in-sync set has at least one member, and only replicas`);
  const [replaced] = replacedOf(state, command);
  if (replaced !== undefined)
    return refuse(state, 'conflict', `whoever was ${replaced} and has everything is no member any more`);
  const { goesOnWith: _, ...rest } = volume;
  const next = withVolume(state, {
    ...rest,
    inSyncSet: { version: inSyncSet.version + 1, members: command.members },
  });
  return accepted(
    withEvent(next, command, {
      level: command.members.length < inSyncSet.members.length ? 'warning' : 'info',
      code: 'volume.set',
      volume: command.volume,
      node: command.node,
      message: `in sync on ${command.volume}: ${command.members.join(', ')} (${command.reason})`,
    }),
  );
}

/** Only while nothing runs on the volume: a primary elsewhere would go on writing to a copy that no longer counts. */
function acceptLoss(state: ClusterState, volume: VolumeState, command: Of<'volume-accept-loss'>): Outcome {
  const { inSyncSet, spec } = volume;
  const user = sortedValues(state.groups).find((group) => volumesOf(group.spec).includes(spec.name));
  if (user !== undefined && user.owner !== null)
    return refuse(
      state,
      'refused',
      `group ${user.spec.name} owns volume ${spec.name} on ${user.owner}; stop it first`,
    );
  if (spec.joined !== undefined) return goOnWithDevice(state, volume, command);
  if (!spec.replicas.some(({ node }) => node === command.node))
    return refuse(state, 'refused', `volume ${spec.name} has no replica on ${command.node}`);
  if (inSyncSet.members.includes(command.node))
    return refuse(state, 'refused', `${command.node} holds every acknowledged write of ${spec.name} already`);
  return goOnWith(state, volume, command);
}

/**
 * A content that is given up leaves the set first. While somebody serves the volume that is his to propose, which he does when he loses the
 * replica; until then the replica itself refuses to be promoted.
 */
function order(state: ClusterState, volume: VolumeState, command: Of<'volume-order'>): Outcome {
  const refused = orderRefusal(volume, command.node, command.order);
  if (refused) return { state, refused };
  const loser = loserOf(command.node, command.order);
  const { inSyncSet, primary, spec } = volume;
  const members = inSyncSet.members.filter((member) => member !== loser);
  const leaves = primary === null && members.length < inSyncSet.members.length;
  const next = leaves
    ? withVolume(state, { ...volume, inSyncSet: { version: inSyncSet.version + 1, members } })
    : state;
  return accepted(
    withEvent(next, command, {
      level: loser === undefined ? 'info' : 'warning',
      code: 'volume.ordered',
      volume: spec.name,
      node: command.node,
      message: orderSentence(spec.name, command.node, command.order),
    }),
  );
}

/** What an operator would do by `volume-accept-loss`, done by the leader because the volume says so. */
function giveUp(state: ClusterState, volume: VolumeState, command: Of<'volume-give-up'>): Outcome {
  const { inSyncSet, spec } = volume;
  if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (spec.mode !== 'async' || spec.asyncTakeover !== 'auto')
    return refuse(state, 'refused', `volume ${spec.name} waits for an operator`);
  if (inSyncSet.version !== command.expectedVersion)
    return refuse(state, 'conflict', `the in-sync set has version ${inSyncSet.version} by now`);
  return acceptLoss(state, volume, { ...command, kind: 'volume-accept-loss' });
}

function goOnWith(state: ClusterState, volume: VolumeState, command: Of<'volume-accept-loss'>): Outcome {
  const { inSyncSet, spec } = volume;
  const known = volume.summary.find(({ node }) => node === command.node);
  const hasUntilMs = known?.hasUntilMs ?? null;
  const lagBytes = known?.lagBytes ?? null;
  const next = withVolume(state, {
    ...volume,
    primary: null,
    crashed: null,
    inSyncSet: { version: inSyncSet.version + 1, members: [command.node] },
    givenUp: { node: command.node, atMs: command.atMs, hasUntilMs, lagBytes },
  });
  const bound =
    hasUntilMs === null
      ? 'it is not known how many'
      : `none from before ${instantOf(hasUntilMs).toISOString()}`;
  return accepted(
    withEvent(next, command, {
      level: 'error',
      code: 'volume.loss-accepted',
      volume: spec.name,
      node: command.node,
      message: `the copy of ${spec.name} on ${command.node} goes on although it may lack acknowledged writes: ${bound}`,
    }),
  );
}

/** Of shared devices: the next promotion leads with that one, although others that may have newer writes are not there. */
function goOnWithDevice(
  state: ClusterState,
  volume: VolumeState,
  command: Of<'volume-accept-loss'>,
): Outcome {
  const { spec } = volume;
  const { atMs, node: device } = command;
  if (!copiesOf(spec).includes(device))
    return refuse(state, 'refused', `volume ${spec.name} has no device ${device}`);
  const givenUp = { node: device, atMs, hasUntilMs: null, lagBytes: null };
  const next = withVolume(state, { ...volume, primary: null, givenUp, goesOnWith: device });
  return accepted(
    withEvent(next, command, {
      level: 'error',
      code: 'volume.loss-accepted',
      volume: spec.name,
      message: `device ${device} of ${spec.name} goes on although it may lack acknowledged writes: it is not known how many`,
    }),
  );
}

function grown(state: ClusterState, volume: VolumeState, command: Of<'volume-grown'>): Outcome {
  const { size, spec, primary } = volume;
  if (primary !== command.node) return refuse(state, 'conflict', `${command.node} is not primary`);
  if (command.sizeBytes <= size.presentBytes) return accepted(state);
  const next = withVolume(state, { ...volume, size: { ...size, presentBytes: command.sizeBytes } });
  const hint = fileSystemHint(state, spec.name);
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'volume.grown',
      volume: spec.name,
      node: command.node,
      message: `${spec.name} has ${formatSize(command.sizeBytes)} now, on every replica${hint === undefined ? '' : `; ${hint}`}`,
    }),
  );
}

/** Until when a replica has everything is remembered while it is away. */
function reported(volume: VolumeState, command: Of<'volume-report'>): readonly ReplicaSummary[] {
  return command.summary.map((replica) => {
    const before = volume.summary.find(({ node }) => node === replica.node)?.hasUntilMs ?? null;
    const hasUntilMs = replica.lagMs === null ? before : command.atMs - replica.lagMs;
    return { ...replica, hasUntilMs };
  });
}
