/**
 * What would happen (FEATURES B4): nodes stop, nodes come back, the network falls apart. Rehearsed by the leader's own decisions
 * (`leader/rehearsal.ts`), with the times that groups really took when they were last started and stopped.
 */
import { EterneError, unreachable } from '@eterne/base';
import type { ClusterState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { errorOf, noSuch } from '../state/outcome.ts';
import type { FailureSimulation, SimulatedMove, SimulatedSide, SimulationRequest } from './facade.ts';
import { CLEAR_ALLOWANCE_MS } from '../heart/vigil.ts';
import { isVoter } from '../raft/members.ts';
import { memberIdOf } from '../raft/types.ts';
import { enforcementOf } from './leader/fencing.ts';
import type { RehearsedMove } from './leader/rehearsal.ts';
import { rehearse } from './leader/rehearsal.ts';
import type { CurrentTiming } from './timing.ts';
import type { View } from './view.ts';

export function simulate(view: View, request: SimulationRequest): FailureSimulation {
  switch (request.kind) {
    case 'fail':
      return simulateFailure(view, request.nodes);
    case 'return':
      return simulateReturn(view, request.nodes);
    case 'partition':
      return simulatePartition(view, request.sides);
    default:
      return unreachable(request);
  }
}

export function simulateFailure(view: View, nodes: readonly string[]): FailureSimulation {
  const names = known(view, nodes).join(', ');
  const alive = new Set([...(view.alive ?? [])].filter((name) => !nodes.includes(name)));
  const side = sideOf(view, [...alive], alive);
  const moves = side.quorate ? movesOf(view, alive) : everythingEnds(view, 'the rest has no majority');
  const quorum = side.quorate
    ? `Without ${names} the rest still has a majority.`
    : `Without ${names} the rest has no majority: nothing would be started.`;
  const idle = owned(view.state, nodes).length === 0 ? [`${names} runs no group.`] : [];
  return {
    node: names,
    quorate: side.quorate,
    sides: [side],
    moves,
    sentences: [quorum, ...idle, ...moves.map(moveSentence), ...fenceSentences(view, nodes, moves)],
  };
}

function fenceSentences(
  view: View,
  nodes: readonly string[],
  moves: readonly SimulatedMove[],
): readonly string[] {
  return nodes
    .filter((node) => enforcementOf(view, node) === 'fencing' && moves.some(({ from }) => from === node))
    .map((node) => {
      const devices = view.state.config.fencing.filter((device) => device.node === node);
      const agents = devices.map(({ agent }) => agent).join(', ');
      return `Nothing moves before ${node} is fenced by ${agents}, however long that takes.`;
    });
}

/** In two steps: what starts as soon as they are heard, and what goes home once their disks are in sync again. */
function simulateReturn(view: View, nodes: readonly string[]): FailureSimulation {
  const names = known(view, nodes).join(', ');
  const alive = new Set([...(view.alive ?? []), ...nodes]);
  const side = sideOf(view, [...alive], alive);
  const now = rehearse(view, { alive, failback: false });
  const later = rehearse({ ...view, state: resynchronised(now.after, nodes) }, { alive, failback: true });
  const moves = side.quorate
    ? [
        ...now.moves.map((move) => simulated(view, move)),
        ...later.moves.map((move) => simulated(view, move, whenHome(view, move))),
      ]
    : [];
  const quorum = side.quorate
    ? `With ${names} there is a majority.`
    : `Even with ${names} there is no majority: nothing would be started.`;
  const nothing = moves.length === 0 ? ['Every group stays where it is.'] : [];
  return {
    node: names,
    quorate: side.quorate,
    sides: [side],
    moves,
    sentences: [quorum, ...nothing, ...moves.map(moveSentence)],
  };
}

function whenHome({ state, timing }: View, { group }: RehearsedMove): string {
  const { window } = state.groups[group.spec.name]?.spec.failback ?? { window: null };
  const settled = `once it has been heard for ${timing.failbackSettleMs / 1000} s and its disks are in sync`;
  return window === null ? settled : `${settled}, between ${window} (${state.config.timezone})`;
}

/** As it will be when the disks of `nodes` have caught up. */
function resynchronised(state: ClusterState, nodes: readonly string[]): ClusterState {
  const volumes = sortedValues(state.volumes).map((volume) => {
    const { version, members } = volume.inSyncSet;
    const joined = volume.spec.replicas
      .map(({ node }) => node)
      .filter((node) => members.includes(node) || nodes.includes(node));
    const inSyncSet =
      version === 0 || volume.spec.joined !== undefined ? volume.inSyncSet : { version, members: joined };
    const crashed = nodes.includes(volume.crashed ?? '') ? null : volume.crashed;
    return [volume.spec.name, { ...volume, inSyncSet, crashed }] as const;
  });
  return { ...state, volumes: Object.fromEntries(volumes) };
}

function simulatePartition(view: View, given: readonly (readonly string[])[]): FailureSimulation {
  const { sides, majority } = partition(view, given);
  const names = sides.map(({ nodes }) => nodes.join(', ')).join(' | ');
  const moves = majority
    ? movesOf(view, new Set(majority.nodes))
    : everythingEnds(view, 'no side has a majority');
  return {
    node: names,
    quorate: majority !== undefined,
    sides,
    moves,
    sentences: [...sideSentences(view, sides), ...moves.map(moveSentence)],
  };
}

/** What decides outside the nodes counts for each half that asks it, and lets one go on. */
function sideSentences(view: View, sides: readonly SimulatedSide[]): readonly string[] {
  const able = sides.filter(({ quorate }) => quorate);
  const [first] = able;
  if (first === undefined || able.length === 1) return sides.map(sideSentence);
  return [
    ...sides.map((side) => (side.quorate ? contestedSentence(view, side) : sideSentence(side))),
    `What follows is for the case that ${first.nodes.join(', ')} goes on.`,
  ];
}

function contestedSentence({ state, tie }: View, { nodes }: SimulatedSide): string {
  const names = nodes.join(', ');
  if (state.log.consensus.engine === 'etcd') return `${names}: goes on if it is the side that reaches etcd.`;
  return tie?.kind === 'solo'
    ? `${names}: goes on alone, as this pair prefers availability.`
    : `${names}: goes on if the tie-breaker is given to it; one side gets it.`;
}

function partition(
  view: View,
  given: readonly (readonly string[])[],
): { readonly sides: readonly SimulatedSide[]; readonly majority: SimulatedSide | undefined } {
  const named = known(view, given.flat());
  if (new Set(named).size < named.length) throw new EterneError('usage', 'a node is on two sides');
  const rest = sortedValues(view.state.members)
    .map(({ name }) => name)
    .filter((name) => !named.includes(name));
  const all = [...given, rest].filter((nodes) => nodes.length > 0);
  if (all.length < 2) throw new EterneError('usage', 'a partition has at least two sides');
  const alive = view.alive ?? new Set<string>();
  const sides = all.map((nodes) => sideOf(view, nodes, new Set(nodes.filter((name) => alive.has(name)))));
  return { sides, majority: sides.find(({ quorate }) => quorate) };
}

function sideOf(view: View, nodes: readonly string[], alive: ReadonlySet<string>): SimulatedSide {
  return { nodes: nodes.filter((name) => alive.has(name)).sort(), quorate: hasMajority(view, alive) };
}

/** A tie-breaker outside the nodes counts for whichever half asks it; which one it will be nobody knows before. Who has joined and does not vote yet counts for none. */
export function hasMajority({ state, tie, logMembers }: View, alive: ReadonlySet<string>): boolean {
  // The votes are etcd's; whoever reaches it goes on.
  if (state.log.consensus.engine === 'etcd') return alive.size > 0;
  const votes = Object.values(state.members)
    .filter(({ name, voterId }) => logMembers.length === 0 || isVoter(logMembers, memberIdOf(name, voterId)))
    .map(({ name }) => alive.has(name));
  const decidesAlone = (tie && tie.kind !== 'proof') || state.config.tieBreaker.kind === 'fencing';
  if (tie?.votes === true) votes.push(decidesAlone && tie.trouble === undefined);
  return votes.filter(Boolean).length * 2 > votes.length;
}

function movesOf(view: View, alive: ReadonlySet<string>): readonly SimulatedMove[] {
  return rehearse(view, { alive, failback: false }).moves.map((move) => simulated(view, move));
}

function simulated(
  { timing, state }: View,
  { group, kind, from, to, reason }: RehearsedMove,
  when: string | null = null,
): SimulatedMove {
  const startMs = group.lastStartMs ?? 0;
  const downMs =
    kind === 'take-over'
      ? takeOverBoundMs(timing, state.members[from ?? '']?.watchdogMs ?? null)
      : (group.lastStopMs ?? 0);
  const expectedOutageMs = to === null || kind === 'start' ? null : downMs + startMs;
  return { group: group.spec.name, kind, from, to, reason, expectedOutageMs, when };
}

/** The owner's lease may have been granted the moment it was lost; its end, grace and margin, and its watchdog are waited out. */
export function takeOverBoundMs(timing: CurrentTiming, watchdogMs: number | null): number {
  const resetMs = watchdogMs === null ? 0 : CLEAR_ALLOWANCE_MS + watchdogMs;
  return Math.max(timing.lostAfterMs, timing.leaseMs + timing.goneGraceMs + timing.marginMs + resetMs);
}

/** Whoever runs something ends it when its lease is over. */
function everythingEnds({ state }: View, reason: string): readonly SimulatedMove[] {
  return sortedValues(state.groups)
    .filter(({ owner }) => owner !== null)
    .map(({ spec, owner }) => ({
      group: spec.name,
      kind: 'take-over',
      from: owner,
      to: null,
      reason,
      expectedOutageMs: null,
      when: null,
    }));
}

function owned(state: ClusterState, nodes: readonly string[]): readonly string[] {
  return sortedValues(state.groups)
    .filter(({ owner }) => owner !== null && nodes.includes(owner))
    .map(({ spec }) => spec.name);
}

function known({ state }: View, nodes: readonly string[]): readonly string[] {
  const stranger = nodes.find((name) => !state.members[name]);
  if (stranger !== undefined) throw errorOf(noSuch('node', stranger, state.members));
  return nodes;
}

function sideSentence({ nodes, quorate }: SimulatedSide): string {
  const names = nodes.length === 0 ? 'Nobody' : nodes.join(', ');
  return quorate
    ? `${names}: has a majority and goes on.`
    : `${names}: has no majority; whatever runs there is ended when its leases are over.`;
}

function moveSentence({ group, kind, from, to, reason, expectedOutageMs, when }: SimulatedMove): string {
  const time = when === null ? '' : `, ${when}`;
  if (kind === 'stay') return `Group ${group} would stay with ${from}: ${reason}.`;
  if (to === null) return `Group ${group} would stay down: ${reason}.`;
  if (kind === 'start') return `Group ${group} would start on ${to}${time}: ${reason}.`;
  const outage = `its services would pause for about ${expectedOutageMs} ms`;
  return `Group ${group} would move from ${from} to ${to}${time}; ${outage}: ${reason}.`;
}
