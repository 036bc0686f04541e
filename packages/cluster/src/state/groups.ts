/** What the ends of an ownership have in common, however it ends. */
import type { Stamp } from './commands.ts';
import { copiesOf } from './joined.ts';
import { LIVES_LEVEL } from './levels.ts';
import type { ClusterState, GroupSpec, GroupState, ResourceSummary, VolumeState } from './model.ts';
import { sortedValues } from './model.ts';
import { withEvent } from './outcome.ts';
import { volumesOf } from './references.ts';
import { withoutStraysOf } from './strays.ts';

/** Every resource of a group that runs nowhere. */
export function stoppedResources(spec: GroupSpec): readonly ResourceSummary[] {
  return spec.resources.map(({ name }) => ({ name, state: 'stopped', reason: '', outputs: {} }));
}

export function withGroup(state: ClusterState, group: GroupState): ClusterState {
  return { ...state, groups: { ...state.groups, [group.spec.name]: group } };
}

/**
 * The group's volumes have no primary from here on: proposals of the old one are refused, whatever its term, also the one that would have taken out whoever has been a replica no
 * more. `unclean`: it was not demoted, so its copy may lack what it had acknowledged and not flushed.
 */
export function withoutPrimaries(
  state: ClusterState,
  group: GroupState,
  end: 'clean' | 'unclean',
): ClusterState {
  const volumes = { ...state.volumes };
  for (const name of volumesOf(group.spec)) {
    const volume = volumes[name];
    if (!volume) continue;
    const isCopy = end === 'unclean' && volume.spec.joined === undefined;
    const crashed = isCopy ? (volume.primary ?? volume.crashed) : volume.crashed;
    const inSyncSet = state.level < LIVES_LEVEL ? volume.inSyncSet : withoutFormer(volume);
    volumes[name] = { ...volume, primary: null, crashed, inSyncSet };
  }
  return { ...state, volumes };
}

/** Another replica may come under the name of one that has gone: it would count as one that has everything. */
function withoutFormer({ spec, inSyncSet }: VolumeState): VolumeState['inSyncSet'] {
  const copies = copiesOf(spec);
  const members = inSyncSet.members.filter((member) => copies.includes(member));
  if (members.length === 0 || members.length === inSyncSet.members.length) return inSyncSet;
  return { version: inSyncSet.version + 1, members };
}

/** The group has no owner and runs nowhere. */
export function withoutOwner(
  state: ClusterState,
  group: GroupState,
  end: 'clean' | 'unclean',
  change: Partial<Pick<GroupState, 'phase' | 'reason' | 'move'>>,
): ClusterState {
  return withGroup(withoutPrimaries(state, group, end), {
    ...group,
    owner: null,
    resources: stoppedResources(group.spec),
    ...change,
  });
}

/** An operator's order where the group is to go stands although its owner did not live to let go of it. */
export function orderKept({ level }: Pick<ClusterState, 'level'>, { move }: GroupState): GroupState['move'] {
  return level >= LIVES_LEVEL && move !== null && !move.displaces && move.to !== null ? move : null;
}

/**
 * A life of `node` has ended for certain, and with it all that it ran. `why`: half a sentence after the node's name. What ran on a node in maintenance waits
 * for it (`held.ts`): a reboot is what maintenance is for.
 */
export function freeGroupsOf(state: ClusterState, stamp: Stamp, node: string, why: string): ClusterState {
  let next = withoutStraysOf(state, node);
  const waits = state.members[node]?.mode === 'maintenance';
  for (const group of sortedValues(next.groups)) {
    if (group.owner !== node) continue;
    const phase = group.desired === 'stopped' ? 'stopped' : 'failed';
    const reason = `${node} ${why}`;
    const move = waits ? { to: node, reason, displaces: group.displaced } : orderKept(next, group);
    const free = withoutOwner(next, group, 'unclean', { phase, reason, move });
    next = withEvent(free, stamp, {
      level: 'warning',
      code: 'group.released',
      group: group.spec.name,
      node,
      message: `group ${group.spec.name} is gone from ${node}: it ${why}`,
    });
  }
  return next;
}
