/**
 * A group found on a node that does not own it, beside its owner or instead of one (Pacemaker's "multiple active"). The node itself looks, tells the log, and
 * stops what it has found (`service/stray-duty.ts`); the owner goes on.
 *
 * Invariant 4: while one is on record nobody is given the group, also not that node: so the stop that is under way there can never meet a start.
 */
import type { GroupCommand, Stamp } from './commands.ts';
import type { ClusterState, GroupState, Stray } from './model.ts';
import { sortedValues } from './model.ts';
import type { Outcome } from './outcome.ts';
import { accepted, refuse, withEvent } from './outcome.ts';

type GroupStrays = Stamp & Extract<GroupCommand, { kind: 'group-strays' }>;

/** Why it may be given to nobody: a sentence without its full stop. */
export function strayObstacle({ strays }: GroupState): string | undefined {
  const [stray] = strays;
  if (stray === undefined) return undefined;
  const what = `${stray.resources.join(', ')} was found on ${stray.node}, which does not own the group`;
  return stray.failure === '' ? what : `${what}, and could not be stopped: ${stray.failure}`;
}

export function withoutStraysOf(state: ClusterState, node: string): ClusterState {
  const groups = { ...state.groups };
  for (const group of sortedValues(state.groups))
    if (group.strays.some((stray) => stray.node === node))
      groups[group.spec.name] = { ...group, strays: group.strays.filter((stray) => stray.node !== node) };
  return { ...state, groups };
}

export function applyStrays(state: ClusterState, group: GroupState, command: GroupStrays): Outcome {
  const { node, startId, resources, failure } = command;
  const { name } = group.spec;
  if (state.members[node]?.startId !== startId)
    return refuse(state, 'conflict', `${node} has been started again`);
  if (group.owner === node) return refuse(state, 'conflict', `group ${name} is ${node}’s own`);
  const others = group.strays.filter((stray) => stray.node !== node);
  const before = group.strays.find((stray) => stray.node === node);
  const now: readonly Stray[] = resources.length === 0 ? [] : [{ node, resources, failure }];
  const strays = [...others, ...now].toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const next = { ...state, groups: { ...state.groups, [name]: { ...group, strays } } };
  const message = sayStrays(command, group, before);
  if (message === undefined) return accepted(next);
  const level = resources.length === 0 ? 'info' : 'error';
  const code = resources.length === 0 ? 'group.stray-gone' : 'group.stray';
  return accepted(withEvent(next, command, { level, code, group: name, node, message }));
}

/** Undefined: that has been said. */
function sayStrays(command: GroupStrays, group: GroupState, before: Stray | undefined): string | undefined {
  const { node, resources, failure, group: name } = command;
  if (resources.length === 0)
    return before && `nothing of group ${name} is left on ${node}, which does not own it`;
  const what = `${resources.join(', ')} of group ${name}`;
  if (failure !== '' && failure !== before?.failure)
    return `${what} could not be stopped on ${node}, which does not own it: ${failure}`;
  if (before !== undefined) return undefined;
  const owner = group.owner === null ? 'nobody owns it' : `${group.owner} owns it`;
  return `${what} was found on ${node}, although ${owner}: it is being stopped there`;
}
