/** Maintenance: somebody works on it by hand, so nothing is done about it, neither when it fails nor when its node is lost. */
import type { ClusterState, GroupState } from './model.ts';

/** Why nothing is done about `group`; undefined: it is looked after. A group that waits for a node in maintenance waits until that is over, or the operator says `start`. */
export function heldBy(state: ClusterState, group: GroupState): string | undefined {
  if (state.maintenance) return 'the whole cluster is in maintenance';
  if (group.maintenance) return 'the group is in maintenance';
  const place = state.members[group.owner ?? group.move?.to ?? ''];
  return place?.mode === 'maintenance' ? `${place.name} is in maintenance` : undefined;
}
