/** Demands that no placement could ever meet. */
import { firstShort, formatQuantity, sumOf } from './capacity.ts';
import { commonNodes, partnersOf } from './company-rules.ts';
import type { ClusterState, GroupSpec, Quantities } from './model.ts';
import { sortedValues } from './model.ts';

export function demandRule(state: ClusterState): string | undefined {
  for (const { spec } of sortedValues(state.groups)) {
    const broken = tooSmallNode(state, spec) ?? tooManyPartners(state, spec);
    if (broken !== undefined) return broken;
  }
  return tooMuchInAll(state);
}

const capacityOf = (state: ClusterState, node: string): Quantities => state.members[node]?.capacity ?? {};

function tooSmallNode(state: ClusterState, group: GroupSpec): string | undefined {
  for (const node of group.nodes) {
    const short = firstShort(group.demand, capacityOf(state, node));
    if (short === undefined) continue;
    const [has, takes] = [capacityOf(state, node)[short] ?? 0, group.demand[short] ?? 0];
    return `group ${group.name} takes ${formatQuantity(takes)} of ${short}, but ${node}, where it may run, has ${formatQuantity(has)}`;
  }
  return undefined;
}

function tooManyPartners(state: ClusterState, group: GroupSpec): string | undefined {
  const partners = partnersOf(state, group);
  const demand = sumOf(partners.map((partner) => partner.demand));
  const nodes = commonNodes(partners);
  const fits = nodes.some((node) => firstShort(demand, capacityOf(state, node)) === undefined);
  if (fits || nodes.length === 0) return undefined;
  const names = partners.map(({ name }) => name).join(', ');
  return `groups ${names} are to run together, but none of ${nodes.join(', ')} has room for all of them`;
}

function tooMuchInAll(state: ClusterState): string | undefined {
  const demand = sumOf(sortedValues(state.groups).map(({ spec }) => spec.demand));
  const capacity = sumOf(sortedValues(state.members).map((member) => member.capacity));
  const short = firstShort(demand, capacity);
  if (short === undefined) return undefined;
  const [takes, has] = [formatQuantity(demand[short] ?? 0), formatQuantity(capacity[short] ?? 0)];
  return `all groups together take ${takes} of ${short}, but all nodes together have ${has}`;
}
