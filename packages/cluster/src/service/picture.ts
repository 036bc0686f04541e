/** The cluster as this node sees it, for programs that ask on this node. */
import type { Picture, PictureNode, PictureResource } from '../node/picture.ts';
import type { GroupState, NodeMode } from '../state/model.ts';
import type { ServiceCore } from './core.ts';
import type { ClusterStatus, GroupStatus, NodeStatus } from './facade.ts';
import { clusterStatus } from './status.ts';

export function clusterPicture(core: ServiceCore): Picture {
  const status = clusterStatus(core);
  const { state, caughtUp } = core.view;
  return {
    node: status.reportedBy,
    isCurrent: caughtUp,
    isQuorate: status.quorate,
    isMaintenance: status.maintenance,
    nodes: status.nodes
      .filter(({ role }) => role === 'node')
      .map((node) => nodeIn(status, node, state.members[node.name]?.mode)),
    resources: status.groups.flatMap((group) => resourcesOf(status, group, state.groups[group.name])),
  };
}

/** One that is only seen on a heartbeat disk is no member of what this node can reach. */
function nodeIn(
  { groups }: ClusterStatus,
  { name, reach, leader }: NodeStatus,
  mode: NodeMode | undefined,
): PictureNode {
  const isOnline = reach === 'network';
  return {
    name,
    isOnline,
    isStandby: mode === 'standby',
    isMaintenance: mode === 'maintenance',
    isUnclean: !isOnline && groups.some(({ owner }) => owner === name),
    isLeader: leader,
  };
}

function resourcesOf(
  status: ClusterStatus,
  { name: group, owner, desired, maintenance, resources }: GroupStatus,
  agreed: GroupState | undefined,
): readonly PictureResource[] {
  const isOwnerLost = status.nodes.some(({ name, reach }) => name === owner && reach !== 'network');
  return resources.map(({ name, type, state }) => ({
    group,
    name,
    type,
    isPromoted:
      agreed?.spec.resources.some((one) => one.name === name && one.params['role'] === 'promoted') ?? false,
    owner,
    state: owner === null ? 'stopped' : isOwnerLost ? 'unknown' : state,
    isManaged: !maintenance,
    isWanted: desired === 'started',
    failures: countFailures(agreed, name),
  }));
}

function countFailures(agreed: GroupState | undefined, name: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { resource, node } of agreed?.failures ?? [])
    if (resource === name) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
}
