/** What would become of a node's groups if it stopped now: the leader's own placement, played through on a state that is not. */
import type { ClusterState, GroupState } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import type { Placement } from './placement.ts';
import { place } from './placement.ts';

export interface RehearsedMove {
  readonly group: GroupState;
  readonly placement: Placement;
}

/** In the order in which they would be placed; those that would stay down come last. `alive` without the lost node. */
export function rehearseLoss(
  state: ClusterState,
  alive: ReadonlySet<string>,
  lost: string,
): readonly RehearsedMove[] {
  const moves: RehearsedMove[] = [];
  let waiting = sortedValues(state.groups).filter(
    ({ owner, desired }) => owner === lost && desired === 'started',
  );
  let future = waiting.reduce((next, group) => withOwner(next, group, null), state);
  for (let placed = true; placed;) {
    placed = false;
    for (const group of waiting) {
      const placement = place(future, group, { alive });
      if (placement.chosen === null) continue;
      future = withOwner(future, group, placement.chosen);
      moves.push({ group, placement });
      placed = true;
    }
    waiting = waiting.filter((group) => !moves.some((move) => move.group === group));
  }
  return [...moves, ...waiting.map((group) => ({ group, placement: place(future, group, { alive }) }))];
}

function withOwner(state: ClusterState, group: GroupState, owner: string | null): ClusterState {
  const next: GroupState = { ...group, owner, move: null, phase: owner === null ? 'failed' : 'online' };
  return { ...state, groups: { ...state.groups, [group.spec.name]: next } };
}
