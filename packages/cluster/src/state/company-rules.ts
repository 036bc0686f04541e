/** What the rules between groups may not ask for: what could never be met, or would never come to rest. */
import type { ClusterState, GroupSpec } from './model.ts';
import { NO_RULES } from './model.ts';

export function companyRule(state: ClusterState, group: GroupSpec): string | undefined {
  const subject = `group ${group.name}`;
  const unknown = othersOf(group).find((name) => !state.groups[name]);
  if (unknown !== undefined) return `${subject} has a rule about group ${unknown}, which does not exist`;
  const both = group.rules.with.find((name) => group.rules.apart.includes(name));
  if (both !== undefined) return `${subject} is to run with group ${both} and apart from it`;
  const circle = circleFrom(state, group.name);
  if (circle) return `the rules of groups ${circle.join(', ')} go round in a circle`;
  return partnerRule(state, group) ?? apartRule(state, group);
}

function othersOf({ rules }: Pick<GroupSpec, 'rules'>): readonly string[] {
  return [...rules.with, ...rules.apart, ...rules.after];
}

/** The groups on a way by rules from `start` back to itself. */
function circleFrom(state: ClusterState, start: string): readonly string[] | undefined {
  const seen = new Set<string>();
  const walk = (name: string, way: readonly string[]): readonly string[] | undefined => {
    for (const other of othersOf(state.groups[name]?.spec ?? { rules: NO_RULES })) {
      if (other === start) return way;
      if (seen.has(other)) continue;
      seen.add(other);
      const circle = walk(other, [...way, other]);
      if (circle) return circle;
    }
    return undefined;
  };
  return walk(start, [start]);
}

/** The group and all that it runs with, directly or through others. There are no circles by then. */
export function partnersOf(state: ClusterState, group: GroupSpec): readonly GroupSpec[] {
  const found = new Map([[group.name, group]]);
  for (const { rules } of found.values())
    for (const name of rules.with) {
      const spec = state.groups[name]?.spec;
      if (spec) found.set(name, spec);
    }
  return [...found.values()];
}

/** Nodes on which all of `groups` may run. */
export function commonNodes(groups: readonly GroupSpec[]): readonly string[] {
  const [first, ...others] = groups;
  return first?.nodes.filter((node) => others.every(({ nodes }) => nodes.includes(node))) ?? [];
}

function partnerRule(state: ClusterState, group: GroupSpec): string | undefined {
  const partners = partnersOf(state, group);
  if (partners.length === 1) return undefined;
  const names = partners.slice(1).map(({ name }) => name);
  if (commonNodes(partners).length === 0)
    return `group ${group.name} is to run with group ${names.join(' and ')}, but they have no node in common`;
  const all = new Set(partners.map(({ name }) => name));
  const torn = partners.find(({ rules }) => rules.apart.some((name) => all.has(name)));
  const from = torn?.rules.apart.find((name) => all.has(name));
  return (
    torn &&
    `group ${group.name} is to run with group ${names.join(' and ')}, but ${torn.name} apart from ${from}`
  );
}

/** Apart from a group that leaves it no other node. */
function apartRule(state: ClusterState, group: GroupSpec): string | undefined {
  const [only, ...others] = commonNodes(partnersOf(state, group));
  if (only === undefined || others.length > 0) return undefined;
  const rival = group.rules.apart.find((name) => {
    const spec = state.groups[name]?.spec;
    const places = spec ? commonNodes(partnersOf(state, spec)) : [];
    return places.length === 1 && places[0] === only;
  });
  return rival && `group ${group.name} is to run apart from group ${rival}, but both may run on ${only} only`;
}
