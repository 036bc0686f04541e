/**
 * Which nodes have to be made certain of, and by whom. Pure: the duties append the answer as an entry.
 *
 *   a lost node owns groups, and its leases alone do not prove that it stopped   → fence it before anybody takes over
 *   a group could not be stopped, and its document says `onStopFailure: fence`   → fence its node, although it is heard
 *   an operator asks for it                                                     → fence it
 *
 * Leases alone prove it where a watchdog enforces them (a fence is tried all the same, and waited for no longer than the watchdog takes), and where no
 * fence device is configured: then by software alone, and status says so.
 * A fence that fails is tried again, by the other nodes in turn; until one is confirmed the groups stay where they are. What only an operator asked for is given up
 * when each of them has failed once.
 */
import { heldBy } from '../../state/held.ts';
import { LIVES_LEVEL } from '../../state/levels.ts';
import type { ClusterState, FenceState, GroupState } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import type { FenceCommand, Stamp } from '../../state/commands.ts';
import { memberIdOf } from '../../raft/types.ts';
import type { View } from '../view.ts';
import type { LeaderView } from './decide.ts';

export type FenceDecision = Stamp &
  Extract<
    FenceCommand,
    { kind: 'fence-request' | 'fence-assign' | 'fence-abandon' | 'fence-cancel' | 'node-stopped' }
  >;

/** What makes certain that a node which is cut off has stopped. */
export type Enforcement = 'watchdog' | 'fencing' | 'software';

export function enforcementOf({ state }: View, node: string): Enforcement {
  if (state.members[node]?.watchdogMs != null) return 'watchdog';
  return hasFenceDevice(state, node) ? 'fencing' : 'software';
}

function hasFenceDevice({ config }: ClusterState, node: string): boolean {
  return config.fencing.some((device) => device.node === node);
}

/** Every node that something has to be done about, each with one entry. */
export function decideFences(leader: LeaderView): readonly FenceDecision[] {
  const { fences, members } = leader.view.state;
  return sortedValues(members).flatMap(({ name }) => decideFence(leader, name, fences[name]) ?? []);
}

function decideFence(
  leader: LeaderView,
  node: string,
  present: FenceState | undefined,
): FenceDecision | undefined {
  const { view, leaderTerm } = leader;
  const said = { node, leaderTerm, atMs: view.now.wallMs };
  const proof = proofOfPeer(leader, node, present);
  if (proof) return proof;
  const reason = fenceReason(leader, node);
  if (present === undefined)
    return reason === undefined ? undefined : { kind: 'fence-request', reason, ...said };
  if (present.executor !== null)
    return leader.alive.has(present.executor)
      ? undefined
      : { kind: 'fence-abandon', attempt: present.attempt, ...said };
  if (reason === undefined && (!present.ordered || hasFailed(leader, present)))
    return { kind: 'fence-cancel', ...said };
  const executor = nextExecutor(leader, present);
  if (executor === undefined) return undefined;
  return { kind: 'fence-assign', executor, attempt: present.attempt + 1, ...said };
}

/**
 * What let this node lead alone is known to the log too. The peer's life in the state is the one that has ended: a later one cannot have
 * reached the log while this node held the tie-breaker, unless as another member: the peer was left out, and has joined anew.
 */
function proofOfPeer(
  { view, alive }: LeaderView,
  node: string,
  present: FenceState | undefined,
): FenceDecision | undefined {
  // Silence proves nothing.
  const held = view.tie?.solo ? undefined : view.tie?.held;
  const member = view.state.members[node];
  const isIts = member !== undefined && held?.peer === memberIdOf(node, member.voterId);
  if (held === undefined || !isIts || alive.has(node)) return undefined;
  const { startId } = member;
  const owns = sortedValues(view.state.groups).some(({ owner }) => owner === node);
  if (!owns && present === undefined) return undefined;
  return { kind: 'node-stopped', node, startId, how: held.how, atMs: view.now.wallMs };
}

/** A sentence, or undefined: there is no reason to. */
function fenceReason(leader: LeaderView, node: string): string | undefined {
  const { view } = leader;
  if (!hasFenceDevice(view.state, node)) return undefined;
  const groups = sortedValues(view.state.groups).filter(
    (group) => group.owner === node && heldBy(view.state, group) === undefined,
  );
  const stray = strayReason(view.state, node);
  if (stray !== undefined) return stray;
  if (leader.alive.has(node)) {
    const stuck = groups.find(wantsFence);
    return stuck && `group ${stuck.spec.name} cannot be stopped there: ${stuck.reason}`;
  }
  const [first] = groups;
  if (first === undefined || view.now.bootMs < leader.leases.lastEndBootMs(node)) return undefined;
  return `it is not heard, and owns ${groups.map(({ spec }) => spec.name).join(', ')}`;
}

/** What runs where it should not, and cannot be stopped. */
function strayReason(state: ClusterState, node: string): string | undefined {
  for (const { spec, strays } of sortedValues(state.groups)) {
    const stray = strays.find((other) => other.node === node);
    if (stray !== undefined && stray.failure !== '' && spec.onStopFailure === 'fence')
      return `group ${spec.name} was found there, does not belong there and cannot be stopped: ${stray.failure}`;
  }
  return undefined;
}

/** Blocked on its owner is what could not be stopped. */
function wantsFence({ spec, phase }: GroupState): boolean {
  return phase === 'blocked' && spec.onStopFailure === 'fence';
}

/** With every node that could do it. */
function hasFailed(leader: LeaderView, { node, attempt }: FenceState): boolean {
  return leader.view.state.level >= LIVES_LEVEL && attempt > 0 && attempt >= ableToFence(leader, node).length;
}

/** A witness has no monitor. */
function ableToFence({ view, alive }: LeaderView, node: string): readonly string[] {
  return sortedValues(view.state.members)
    .filter(({ name, role }) => role === 'node' && name !== node && alive.has(name))
    .map(({ name }) => name);
}

/** This leader first, as nobody hears more; then one after the other. */
function nextExecutor(leader: LeaderView, { node, attempt }: FenceState): string | undefined {
  const { view } = leader;
  const able = ableToFence(leader, node);
  const own = able.indexOf(view.self);
  return able[(Math.max(own, 0) + attempt) % able.length];
}
