/** A drill's records: begun while the group is online, told by its owners, ended by who asked for it. */
import type { GroupCommand, Stamp } from './commands.ts';
import { withGroup } from './groups.ts';
import type { ClusterState, GroupState } from './model.ts';
import type { Outcome } from './outcome.ts';
import { accepted, refuse } from './outcome.ts';

type Of<Kind extends GroupCommand['kind']> = Stamp & Extract<GroupCommand, { kind: Kind }>;

export function applyDrill(
  state: ClusterState,
  group: GroupState,
  command: Of<'drill-begin' | 'drill-end'>,
): Outcome {
  if (command.kind === 'drill-end') {
    const ended = group.drill?.id === command.drill ? null : group.drill;
    return accepted(withGroup(state, { ...group, drill: ended }));
  }
  if (group.phase !== 'online')
    return refuse(state, 'refused', `group ${command.group} is not online; a drill needs a running group`);
  const { drill: id, directory } = command;
  return accepted(withGroup(state, { ...group, drill: { id, directory, acknowledged: null, found: null } }));
}

export function reportDrill(state: ClusterState, group: GroupState, command: Of<'drill-report'>): Outcome {
  const { drill } = group;
  if (drill?.id !== command.drill) return refuse(state, 'conflict', 'that drill is over');
  const acknowledged = command.acknowledged ?? drill.acknowledged;
  const found = command.found ?? drill.found;
  return accepted(withGroup(state, { ...group, drill: { ...drill, acknowledged, found } }));
}
