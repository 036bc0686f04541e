/**
 * Who is not to be acted for. Maintenance: somebody works on it by hand, so nothing is done about it, neither when it fails nor when its node is lost.
 * `onShutdown: freeze`, or `conditional` when it comes back: its node was stopped in order, and it waits for that.
 */
import type { ClusterState, GroupState } from './model.ts';

/** Why nothing is done about `group`; undefined: it is looked after. A group that waits for a node waits until that is back, or the operator says `start`. */
export function heldBy(state: ClusterState, group: GroupState): string | undefined {
  return maintenanceOf(state, group) ?? waitsFor(group, (node) => state.members[node]?.presence === 'online');
}

export function maintenanceOf(state: ClusterState, group: GroupState): string | undefined {
  if (state.maintenance) return 'the whole cluster is in maintenance';
  if (group.maintenance) return 'the group is in maintenance';
  const place = state.members[group.owner ?? group.move?.to ?? ''];
  return place?.mode === 'maintenance' ? `${place.name} is in maintenance` : undefined;
}

/** It waits for a node that is away, and is still one of its nodes. */
export function waitsFor(
  { owner, move, spec }: Pick<GroupState, 'owner' | 'move' | 'spec'>,
  isThere: (node: string) => boolean,
): string | undefined {
  if (owner !== null || move?.waits !== true || move.to === null || isThere(move.to)) return undefined;
  if (!spec.nodes.includes(move.to)) return undefined;
  return `it waits for ${move.to}, which has been stopped`;
}
