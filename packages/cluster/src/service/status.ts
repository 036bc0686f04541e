/** The cluster as this node sees it: the agreed state, coloured by its own observations. */
import { isVoter } from '../raft/members.ts';
import { memberIdOf, nodeOfMember } from '../raft/types.ts';
import { olderThan } from '../state/levels.ts';
import type { ClusterState, GroupState, Member, VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { formatSize } from '@eterne/base';
import { copiesOf } from '../state/joined.ts';
import { partPlaces } from '../state/parts.ts';
import { volumesOf } from '../state/references.ts';
import type { ServiceCore } from './core.ts';
import type {
  ClusterStatus,
  ClusterVolumeStatus,
  DeviceStatus,
  GroupStatus,
  NodeStatus,
  ReplicaStatus,
} from './facade.ts';
import { enforcementOf } from './leader/fencing.ts';
import { heldBy, maintenanceOf } from '../state/held.ts';
import { strayObstacle } from '../state/strays.ts';
import { protectedGroups } from './protection.ts';
import { lackedBytes } from './reports.ts';
import { takeOverBoundMs } from './simulate.ts';
import type { View } from './view.ts';
import { diskTroubles, isCutOff, leaseRemainingMs, ownMember } from './view.ts';

const CATCHING_UP = 'this node has just started and does not know yet what the cluster decided meanwhile';

export function clusterStatus(core: ServiceCore): ClusterStatus {
  const status = knownStatus(core);
  if (!core.view.caughtUp) return catchingUp(status);
  return isRemoved(core.view) ? removed(status, core.view.self) : status;
}

/** The log says that this machine is a member no more; another may have its name. */
function isRemoved(view: View): boolean {
  return Object.keys(view.state.members).length > 0 && ownMember(view) === undefined;
}

/** Nothing that it hears is meant for it. */
function removed(status: ClusterStatus, self: string): ClusterStatus {
  const what = `${self} is no member of this cluster any more: stop it. It joins anew from an empty folder.`;
  return { ...status, warnings: [what, ...status.warnings] };
}

/** What a node remembers from before its start is not what is: it names what there is, and says of none how it is. */
function catchingUp(status: ClusterStatus): ClusterStatus {
  return {
    ...status,
    leader: null,
    quorate: false,
    volumes: status.volumes.map((volume) => ({
      ...volume,
      primary: null,
      replicas: volume.replicas.map(({ node }) => ({
        node,
        disk: 'Unknown',
        dirtyBytes: 0,
        lagBytes: null,
        hasUntilMs: null,
        splitBrain: false,
      })),
      devices: [],
      inSyncSet: [],
    })),
    groups: status.groups.map((group) => ({
      ...group,
      state: 'blocked',
      owner: null,
      protected: false,
      reason: CATCHING_UP,
      leaseRemainingMs: null,
      resources: group.resources.map((resource) => ({ ...resource, state: 'unknown', reason: '' })),
    })),
    warnings: [`Catching up: ${CATCHING_UP}.`],
  };
}

function knownStatus(core: ServiceCore): ClusterStatus {
  const { view } = core;
  const { state, leadership } = view;
  const covered = protectedGroups(view);
  return {
    cluster: state.cluster,
    edition: state.config.edition,
    profile: state.config.profile,
    reportedBy: view.self,
    leader: leadership.leader ?? null,
    quorate: leadership.quorate,
    features: featureStatus(state),
    nodes: sortedValues(state.members).map((member) => nodeStatus(view, member)),
    volumes: sortedValues(state.volumes).map((volume) => volumeStatus(view, volume)),
    maintenance: state.maintenance,
    groups: sortedValues(state.groups).map((group) => groupStatus(core, group, covered)),
    tieBreaker: tieStatus(view),
    consensus: logStatus(view),
    warnings: [...warnings(core, covered), ...core.fenceTroubles],
    dropped: { heartbeats: view.dropped, log: view.logDropped },
  };
}

function featureStatus(state: ClusterState): ClusterStatus['features'] {
  const highest = Math.max(state.level, ...sortedValues(state.members).map(({ level }) => level));
  return { level: state.level, highest, waitsFor: olderThan(state, highest) };
}

function logStatus({ state, logTrouble, timing }: View): ClusterStatus['consensus'] {
  const { epoch, phase, consensus } = state.log;
  const takeOverMs = takeOverBoundMs(timing, null);
  return { engine: consensus.engine, epoch, phase, trouble: logTrouble ?? null, takeOverMs };
}

function isHeard(view: View, member: Member): boolean {
  return view.alive ? view.alive.has(member.name) : member.presence === 'online';
}

/** Lost is who is silent on every path. */
function nodeState(view: View, member: Member): NodeStatus['state'] {
  if (!isHeard(view, member) && !isCutOff(view, member.name)) return 'lost';
  return member.mode === 'active' ? 'online' : member.mode;
}

function nodeStatus(view: View, member: Member): NodeStatus {
  return {
    name: member.name,
    role: member.role,
    state: nodeState(view, member),
    mode: member.mode,
    leader: view.leadership.leader === member.name,
    incarnation: member.incarnation,
    featureLevel: member.level,
    pids: member.name === view.self && view.pids ? view.pids : member.pids,
    api: member.api,
    reach: reachOf(view, member),
    paths: view.paths.filter(({ peer }) => peer === member.name),
    enforcement: member.role === 'witness' ? null : enforcementOf(view, member.name),
    fence: fenceStatus(view, member.name),
    troubles: isHeard(view, member) ? member.troubles : [],
  };
}

function reachOf(view: View, member: Member): NodeStatus['reach'] {
  if (isHeard(view, member)) return 'network';
  return isCutOff(view, member.name) ? 'disk' : 'none';
}

function fenceStatus(view: View, node: string): NodeStatus['fence'] {
  const fence = view.state.fences[node];
  if (fence === undefined) return null;
  const { executor, attempt, failure, reason } = fence;
  return { executor, attempt, failure: failure === '' ? null : failure, reason };
}

function volumeStatus(view: View, volume: VolumeState): ClusterVolumeStatus {
  const { spec, term, inSyncSet, primary, size } = volume;
  const user = sortedValues(view.state.groups).find((group) => volumesOf(group.spec).includes(spec.name));
  return {
    name: spec.name,
    sizeBytes: size.presentBytes,
    parts: partPlaces(spec, size.presentBytes).map(({ part, sizeBytes }) => ({ name: part.name, sizeBytes })),
    growsToBytes: spec.sizeBytes > size.presentBytes ? spec.sizeBytes : null,
    mode: spec.mode,
    primary,
    term: term.number,
    replicas: spec.replicas.map(({ node }) => replicaStatus(view, volume, node)),
    devices: deviceStatuses(volume),
    inSyncSet: inSyncSet.members,
    setVersion: inSyncSet.version,
    group: user?.spec.name ?? null,
    asyncTakeover: spec.asyncTakeover,
    givenUp: volume.givenUp,
  };
}

function deviceStatuses({ spec, summary }: VolumeState): readonly DeviceStatus[] {
  return (spec.joined?.devices ?? []).map((name) => {
    const told = summary.find(({ node }) => node === name);
    const { disk = 'Unknown', dirtyBytes = 0, splitBrain = false } = told ?? {};
    return { name, disk, dirtyBytes, splitBrain };
  });
}

/** Of a node that reaches shared devices: has it got them open, and a good one among them? */
function reachingStatus(view: View, { primary, spec, summary }: VolumeState, node: string): ReplicaStatus {
  const own = node === view.self ? view.disk.volumes?.get(spec.name)?.disk : undefined;
  const isGood = summary.some(({ disk }) => disk === 'UpToDate');
  const told = primary !== node ? 'Diskless' : isGood ? 'UpToDate' : 'Unknown';
  const splitBrain = primary === node && summary.some((each) => each.splitBrain);
  return { node, disk: own ?? told, dirtyBytes: 0, lagBytes: null, hasUntilMs: null, splitBrain };
}

/** What the primary last told; of its own replica a node knows best itself. */
function replicaStatus(view: View, volume: VolumeState, node: string): ReplicaStatus {
  if (volume.spec.joined !== undefined) return reachingStatus(view, volume, node);
  const told = volume.summary.find((replica) => replica.node === node);
  const own = node === view.self ? view.disk.volumes?.get(volume.spec.name) : undefined;
  return {
    node,
    disk: own?.disk ?? told?.disk ?? 'Unknown',
    dirtyBytes: told?.dirtyBytes ?? (own === undefined ? 0 : lackedBytes(own)),
    lagBytes: isToldBy(view, volume.primary) ? (told?.lagBytes ?? null) : null,
    hasUntilMs: told?.hasUntilMs ?? null,
    splitBrain: (told?.splitBrain ?? false) || (own?.peers.some(({ splitBrain }) => splitBrain) ?? false),
  };
}

/** While nobody serves, or who does is not heard, what is on its way is not known. */
function isToldBy(view: View, primary: string | null): boolean {
  const member = primary === null ? undefined : view.state.members[primary];
  return member !== undefined && isHeard(view, member);
}

function groupStatus(core: ServiceCore, group: GroupState, covered: ReadonlySet<string>): GroupStatus {
  const { view } = core;
  const { spec, owner, epoch } = group;
  const ended = hasEndedHere(core, group);
  return {
    name: spec.name,
    state: ended ? 'blocked' : group.phase,
    desired: group.desired,
    owner,
    epoch,
    protected: covered.has(spec.name),
    maintenance: maintenanceOf(view.state, group) !== undefined,
    strays: group.strays,
    reason: ended ? endedReason(view) : reasonOf(view, group),
    leaseRemainingMs: shownLease(core, group),
    nodes: spec.nodes,
    resources: spec.resources.map(({ name, type }) => {
      const summary = ended ? undefined : group.resources.find((resource) => resource.name === name);
      return { name, type, state: summary?.state ?? 'unknown', reason: summary?.reason ?? '' };
    }),
  };
}

/** What this node ran is held and then ended with its lease, without anybody who could put that into the log. */
function hasEndedHere({ view }: ServiceCore, { spec, owner, epoch }: GroupState): boolean {
  if (view.leadership.quorate || owner !== view.self) return false;
  return leaseRemainingMs(view, spec.name, epoch) <= 0;
}

const endedReason = ({ self }: View): string =>
  `${self} is not in contact with a majority and its lease is over: what ran here was ended, and may run elsewhere by now`;

function reasonOf(view: View, group: GroupState): string {
  const { owner } = group;
  if (!view.leadership.quorate && owner !== view.self)
    return `${view.self} is not in contact with a majority: this is what it knew when it last was`;
  const isLost = owner !== null && view.alive !== undefined && !view.alive.has(owner);
  return isLost ? lostReason(view, group, owner) : waitingReason(view, group);
}

/** Of a group that waits for a node: until when. */
function waitingReason({ state }: View, group: GroupState): string {
  const held = group.owner === null && group.move?.waits === true ? heldBy(state, group) : undefined;
  return held === undefined
    ? group.reason
    : `${held}; \`eterne group start ${group.spec.name}\` starts it elsewhere`;
}

/** What a take-over from a lost owner waits for. */
function lostReason(view: View, group: GroupState, owner: string): string {
  const how = isCutOff(view, owner) ? 'is seen on a heartbeat disk only' : 'is not heard';
  const held = maintenanceOf(view.state, group);
  if (held !== undefined) return `${owner} ${how}, and nothing is done about it: ${held}`;
  if (enforcementOf(view, owner) !== 'fencing')
    return `${owner} ${how}; waiting until its lease has ended for certain`;
  const fence = view.state.fences[owner];
  if (fence === undefined || fence.failure === '') return `${owner} ${how}; it is being fenced`;
  return `${owner} ${how} and could not be fenced: ${fence.failure}; if it is certainly off, say \`eterne node confirm-stopped ${owner}\``;
}

function shownLease(core: ServiceCore, group: GroupState): number | null {
  const { view } = core;
  if (group.owner === null) return null;
  if (group.owner !== view.self) return roundedLease(core.grantedRemainingMs(group.owner));
  const own = leaseRemainingMs(view, group.spec.name, group.epoch);
  return own === Number.NEGATIVE_INFINITY ? null : roundedLease(Math.max(0, own));
}

function roundedLease(remainingMs: number | null): number | null {
  return remainingMs === null ? null : Math.round(remainingMs);
}

function warnings(core: ServiceCore, covered: ReadonlySet<string>): readonly string[] {
  const { view } = core;
  return [
    ...(view.state.maintenance
      ? ['The whole cluster is in maintenance: nothing is done about any group.']
      : []),
    ...quorumWarnings(view),
    ...tieWarnings(view),
    ...featureWarnings(view.state),
    ...sortedValues(view.state.members)
      .filter((member) => !isHeard(view, member))
      .map(({ name }) =>
        isCutOff(view, name)
          ? `${name} is seen on a heartbeat disk only: it lives, and no message reaches it.`
          : `${name} is not heard.`,
      ),
    ...sortedValues(view.state.members).flatMap((member) => diskWarnings(view, member)),
    ...sortedValues(view.state.members)
      .filter((member) => isHeard(view, member))
      .flatMap(({ name, troubles }) => troubles.map(({ detail }) => `${name}: ${detail}.`)),
    ...sortedValues(view.state.volumes).flatMap((volume) => volumeWarnings(core, volume)),
    ...sortedValues(view.state.groups).flatMap((group) => {
      const stray = strayObstacle(group);
      return stray === undefined ? [] : [`Group ${group.spec.name}: ${stray}.`];
    }),
    ...sortedValues(view.state.groups)
      .filter((group) => group.desired === 'started' && !covered.has(group.spec.name))
      .map(({ spec }) => `Group ${spec.name} has no node that would take it over now.`),
  ];
}

/** Whoever leads tries to make it. */
function tieWarnings({ leadership, state, tieTrouble }: View): readonly string[] {
  const isTried = leadership.isLeader && state.config.tieBreaker.kind === 'disk';
  return isTried && tieTrouble !== undefined ? [`The tie-breaker cannot be made: ${tieTrouble}.`] : [];
}

/** An upgrade that is not over. */
function featureWarnings(state: ClusterState): readonly string[] {
  const { level, highest, waitsFor } = featureStatus(state);
  if (waitsFor.length === 0) return [];
  const whose = `${waitsFor.join(', ')} ${waitsFor.length === 1 ? 'runs' : 'run'} an older program than the others`;
  return [`${whose}: the cluster keeps to feature level ${level} until everybody knows ${highest}.`];
}

/** Of this node as it is now, of the others as they told. */
function diskWarnings(view: View, member: Member): readonly string[] {
  const troubles = member.name === view.self ? diskTroubles(view) : member.diskTroubles;
  return troubles.map((trouble) => `${member.name} has no heartbeat over a disk: ${trouble}.`);
}

function quorumWarnings(view: View): readonly string[] {
  const lines: string[] = [];
  const voters = Object.keys(view.state.members).length;
  if (!view.leadership.quorate)
    lines.push('This node is not in contact with a majority: it may not start anything.');
  lines.push(...wayOut(view));
  if (view.watchdog?.trouble != null) lines.push(`${view.self} has no watchdog: ${view.watchdog.trouble}.`);
  const tie = tieStatus(view);
  if (tie && tie.kind !== 'word' && tie.trouble !== null)
    lines.push(`The tie-breaker does not answer ${view.self}: ${tie.trouble}.`);
  if (tie?.heldBecause != null) lines.push(`${view.self} goes on alone: ${tie.heldBecause}.`);
  lines.push(...partedWarning(view), ...leftOutWarnings(view), ...newcomerWarnings(view));
  const isInEtcd = view.state.log.consensus.engine === 'etcd';
  lines.push(...logWarnings(view));
  if (!isInEtcd && voters < 3 && (tie?.votes !== true || tie.kind === 'word'))
    lines.push(
      `${voters === 1 ? 'One voter' : 'Two voters'} cannot outvote a loss; add a witness, a third node or a tie-breaker.`,
    );
  if (!isInEtcd && voters === 2 && tie === null && view.state.config.tieBreaker.kind === 'witness')
    lines.push(
      'Nor could one of them go on by an operator’s word while tieBreaker is { kind: witness } and none has joined; { kind: none } allows that.',
    );
  return lines;
}

/** A node of a pair that does not hear the other and has nobody to ask: what ends that. */
function wayOut({ alive, leadership, self, state, tie }: View): readonly string[] {
  const others = Object.keys(state.members).filter((name) => name !== self);
  const [other] = others;
  if (leadership.quorate || other === undefined || others.length > 1 || alive?.has(other)) return [];
  if (state.members[self] === undefined || state.log.consensus.engine === 'etcd') return [];
  if (tie === undefined || !tie.votes)
    return [
      `There is no tie-breaker: ${self} starts nothing before ${other} is back; if it never will be: \`eterne cluster recover\`.`,
    ];
  if (tie.kind !== 'proof' || tie.held !== undefined) return [];
  return [`If ${other} is certain to be off, say so here: \`eterne node confirm-stopped ${other}\`.`];
}

/** Whoever has just joined counts for no majority before it has caught up. */
function newcomerWarnings({ logMembers, state }: View): readonly string[] {
  if (logMembers.length === 0) return [];
  return sortedValues(state.members)
    .filter(({ name, voterId }) => !isVoter(logMembers, memberIdOf(name, voterId)))
    .map(({ name }) => `${name} does not vote yet: it has to catch up first.`);
}

/** Of a pair that prefers availability: both nodes went on alone. */
function partedWarning({ tie, self }: View): readonly string[] {
  const parted = tie?.solo?.parted;
  if (parted === undefined) return [];
  const beginning = 'Both nodes of this pair went on alone, and neither follows the other’s log:';
  if (parted.survivor === undefined)
    return [
      `${beginning} they have nothing in common. Remove one of them and join it anew from an empty folder.`,
    ];
  if (parted.survivor === 'mine' && parted.theirs === undefined)
    return [
      `${beginning} ${self} was told to, accepting what may be lost. The other has to join anew from an empty folder.`,
    ];
  if (parted.survivor === 'mine')
    return [
      `${beginning} ${self} goes on; ${parted.theirs?.node ?? ''} lets go of what it runs and joins it.`,
    ];
  if (parted.mine === undefined)
    return [
      `${beginning} the other was told to, accepting what may be lost. ${self} has to join anew from an empty folder.`,
    ];
  return [
    `${beginning} ${parted.theirs?.node ?? ''} goes on; ${self} lets go of what it runs and joins it. What cannot be stopped here keeps them apart.`,
  ];
}

/** By an operator's word that accepted what may be lost. */
function leftOutWarnings({ tie, self, state }: View): readonly string[] {
  if (tie?.leftOutBy !== undefined)
    return [
      `${nodeOfMember(tie.leftOutBy)} was told to go on without what ${self} has decided, and neither believes the other any more: ${self} may not start anything. It has to join anew from an empty folder.`,
    ];
  return sortedValues(state.members)
    .filter(({ name, voterId }) => tie?.barred?.has(memberIdOf(name, voterId)))
    .map(
      ({ name }) =>
        `${self} was told to go on without what ${name} may have decided, and does not believe it any more: ${name} has to join anew from an empty folder, or to be removed.`,
    );
}

function logWarnings({ state, logTrouble, timing }: View): readonly string[] {
  const { consensus, phase } = state.log;
  const lines = logTrouble === undefined ? [] : [`The ordered log: ${logTrouble}.`];
  if (phase !== 'steady') lines.push(`The ordered log is ${phase}: a move of it is not over.`);
  if (consensus.engine === 'etcd') {
    const seconds = takeOverBoundMs(timing, null) / 1000;
    lines.push(
      `The ordered log is in etcd: the groups of a lost node may wait ${seconds} s for their start elsewhere.`,
    );
  }
  return lines;
}

function tieStatus({ tie, state }: View): ClusterStatus['tieBreaker'] {
  if (tie === undefined) return null;
  const byProof = state.config.tieBreaker.kind === 'fencing' ? 'fencing' : 'word';
  const kinds = { disk: 'disk', proof: byProof, solo: 'availability' } as const;
  return {
    kind: kinds[tie.kind],
    votes: tie.votes,
    trouble: tie.trouble ?? null,
    heldBecause: tie.held?.how ?? null,
  };
}

function volumeWarnings(core: ServiceCore, volume: VolumeState): readonly string[] {
  const { view } = core;
  const { name } = volume.spec;
  const problem = view.disk.problems.get(name);
  const outside = copiesOf(volume.spec).filter((copy) => !volume.inSyncSet.members.includes(copy));
  const lines = [
    ...(problem === undefined ? [] : [`The replica of ${name} on ${view.self} is not open: ${problem}`]),
    ...rescueWarnings(view, name),
    ...partedWarnings(view, volume),
    ...growthWarnings(volume, core.growthProblem(name)),
  ];
  // An asynchronous primary is alone in the set while it serves.
  if (volume.inSyncSet.version === 0 || outside.length === 0) return lines;
  if (volume.spec.mode === 'async' && volume.primary !== null) return [...lines, ...lagWarnings(volume)];
  return [...lines, `Volume ${name} is not in sync on ${outside.join(', ')}.`];
}

function rescueWarnings({ disk, self }: View, volume: string): readonly string[] {
  const problem = disk.volumes?.get(volume)?.rescueProblem;
  if (problem === undefined) return [];
  return [`What a copy overwrites of ${volume} on ${self} is not kept: ${problem}`];
}

function partedWarnings(view: View, volume: VolumeState): readonly string[] {
  const { name, replicas } = volume.spec;
  const parted = replicas.filter(({ node }) => replicaStatus(view, volume, node).splitBrain);
  if (parted.length === 0) return [];
  const nodes = parted.map(({ node }) => node).join(', ');
  return [
    `Volume ${name} has a split brain (${nodes}): \`eterne volume status ${name} --split-brain\` shows what each side changed.`,
  ];
}

function growthWarnings({ size, spec }: VolumeState, problem: string | undefined): readonly string[] {
  if (spec.sizeBytes <= size.presentBytes) return [];
  const why = problem === undefined ? '' : `: ${problem}`;
  return [`Volume ${spec.name} has not grown to ${formatSize(spec.sizeBytes)} yet${why}.`];
}

/** Copies that do not follow the primary of an asynchronous volume. */
function lagWarnings({ spec, primary, summary }: VolumeState): readonly string[] {
  return summary
    .filter(({ node, lagBytes }) => node !== primary && lagBytes === null)
    .map(({ node }) => `Volume ${spec.name} is not followed by the copy on ${node}.`);
}
