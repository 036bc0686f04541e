/**
 * What would happen if, played through: the leader's own decisions (`decide.ts`) and the log's own rules (`state/apply.ts`) on a state that
 * is not, with owners that carry out everything at once. So a rehearsal cannot decide otherwise than the leader would.
 */
import { apply } from '../../state/apply.ts';
import { withGroup } from '../../state/groups.ts';
import { heldBy } from '../../state/held.ts';
import type { ClusterState, GroupState } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import type { View } from '../view.ts';
import type { GroupDecision, LeaderView } from './decide.ts';
import { decideGroup } from './decide.ts';

export interface RehearsedMove {
  readonly group: GroupState;
  /** `take-over`: from a lost node; `move`: stopped there first; `start`: it ran nowhere; `stay`: it stays with its lost node. */
  readonly kind: 'take-over' | 'move' | 'start' | 'stay';
  readonly from: string | null;
  /** Null: it would stay down. */
  readonly to: string | null;
  readonly reason: string;
}

export interface Situation {
  readonly alive: ReadonlySet<string>;
  /** Groups go home, whatever their window says; off: only what the situation forces. */
  readonly failback: boolean;
  /** Only these are looked at; the others stay as they are. Absent: all. */
  readonly only?: (group: GroupState) => boolean;
}

export interface Rehearsal {
  /** In the order of the decisions; what would stay down comes last. */
  readonly moves: readonly RehearsedMove[];
  readonly after: ClusterState;
}

const LONG_GONE = {
  provenGoneBootMs: () => Number.NEGATIVE_INFINITY,
  lastEndBootMs: () => Number.NEGATIVE_INFINITY,
};

export function rehearse(view: View, situation: Situation): Rehearsal {
  const moves: RehearsedMove[] = [];
  // Fences are confirmed, as if there were nothing to wait for.
  const fenced: ClusterState = { ...view.state, config: { ...view.state.config, fencing: [] } };
  let state = withoutWindows(fenced, situation.failback);
  const before = state;
  // Rules between groups have no circles, so that each can be moved only as often as there are groups; the bound is for a mistake in that.
  for (let round = 0; round <= sortedValues(state.groups).length + 1; round += 1) {
    const next = playRound(view, situation, state, (group, decision) =>
      moves.push(moveOf(before, moves, group, decision, situation)),
    );
    if (next === state) break;
    state = next;
  }
  return { moves: [...moves, ...leftDown(before, state, situation, moves)], after: state };
}

type Assignment = Extract<GroupDecision, { kind: 'group-assign' }>;

/** Every group once, in the order in which the leader looks at them. */
function playRound(
  view: View,
  situation: Situation,
  from: ClusterState,
  onAssign: (group: GroupState, decision: Assignment) => void,
): ClusterState {
  let state = from;
  let leader = leaderIn(view, situation, state);
  for (const { spec } of sortedValues(from.groups).filter(situation.only ?? (() => true))) {
    const group = state.groups[spec.name];
    const decision = group && decideGroup(leader, group);
    if (!group || !decision) continue;
    if (decision.kind === 'group-assign') onAssign(group, decision);
    state = carriedOut(apply(state, decision).state, decision);
    leader = leaderIn(view, situation, state);
  }
  return state;
}

function leaderIn(view: View, { alive, failback }: Situation, state: ClusterState): LeaderView {
  const heardSince: [string, number][] = failback
    ? [...alive].map((name) => [name, Number.NEGATIVE_INFINITY])
    : [];
  return {
    view: { ...view, state, alive },
    alive,
    leases: LONG_GONE,
    leaderTerm: state.leaderTerm,
    heardSinceBootMs: new Map(heardSince),
  };
}

/** The owner does at once what the entry asks of it. */
function carriedOut(state: ClusterState, decision: GroupDecision): ClusterState {
  if (decision.kind === 'volume-give-up') return state;
  const group = state.groups[decision.group];
  if (!group) return state;
  if (decision.kind === 'group-assign') return withGroup(state, { ...group, phase: 'online' });
  if (decision.kind === 'group-move') return withGroup(state, { ...group, owner: null, phase: 'stopped' });
  return state;
}

function moveOf(
  before: ClusterState,
  moves: readonly RehearsedMove[],
  group: GroupState,
  { owner: to, reason }: Assignment,
  { alive }: Situation,
): RehearsedMove {
  const { name } = group.spec;
  const last = moves.findLast((move) => move.group.spec.name === name);
  const former = last?.to ?? before.groups[name]?.owner ?? null;
  const kind = former === null ? 'start' : alive.has(former) ? 'move' : 'take-over';
  return { group, kind, from: former, to, reason: group.move?.reason ?? reason };
}

/** What the situation leaves without a node, or with a lost one. */
function leftDown(
  before: ClusterState,
  after: ClusterState,
  { alive }: Situation,
  moves: readonly RehearsedMove[],
): readonly RehearsedMove[] {
  return sortedValues(after.groups).flatMap((group): readonly RehearsedMove[] => {
    const former = before.groups[group.spec.name]?.owner ?? null;
    const moved = moves.some((move) => move.group.spec.name === group.spec.name);
    if (moved || group.desired === 'stopped' || former === null || alive.has(former)) return [];
    const held = heldBy(after, group);
    const kind = held === undefined ? 'take-over' : 'stay';
    return [{ group, kind, from: former, to: null, reason: held ?? group.reason }];
  });
}

function withoutWindows(state: ClusterState, failback: boolean): ClusterState {
  if (!failback) return state;
  let next = state;
  for (const group of sortedValues(state.groups)) {
    const spec = { ...group.spec, failback: { ...group.spec.failback, window: null } };
    next = withGroup(next, { ...group, spec });
  }
  return next;
}
