/** Whether a node has room for a group. Quantities are the operator's own; they are counted, never measured. */
import { formatSize, MIB } from '@eterne/base';
import type { ClusterState, GroupState, Quantities } from './model.ts';
import { sortedEntries, sortedValues } from './model.ts';

/** What is left on `node` beside the groups that it has, `except` not counted. */
export function freeCapacity(state: ClusterState, node: string, except: string): Quantities {
  const free: Record<string, number> = { ...state.members[node]?.capacity };
  for (const { spec, owner } of sortedValues(state.groups))
    if (owner === node && spec.name !== except)
      for (const [quantity, amount] of sortedEntries(spec.demand))
        free[quantity] = (free[quantity] ?? 0) - amount;
  return free;
}

/** Half a sentence after the node's name; undefined: the group has room there. */
export function capacityObstacle(state: ClusterState, group: GroupState, node: string): string | undefined {
  const { name, demand } = group.spec;
  const quantity = firstShort(demand, freeCapacity(state, node, name));
  if (quantity === undefined) return undefined;
  const free = Math.max(0, freeCapacity(state, node, name)[quantity] ?? 0);
  return `has ${formatQuantity(free)} of ${quantity} left, and the group takes ${formatQuantity(demand[quantity] ?? 0)}`;
}

/** The first quantity of which `room` has too little. */
export function firstShort(demand: Quantities, room: Quantities): string | undefined {
  return sortedEntries(demand).find(([quantity, amount]) => amount > (room[quantity] ?? 0))?.[0];
}

export function sumOf(all: readonly Quantities[]): Quantities {
  const sum: Record<string, number> = {};
  for (const each of all)
    for (const [quantity, amount] of sortedEntries(each)) sum[quantity] = (sum[quantity] ?? 0) + amount;
  return sum;
}

/** Numbers as large as those are bytes. */
export function formatQuantity(amount: number): string {
  return amount >= MIB && amount % MIB === 0 ? formatSize(amount) : String(amount);
}
