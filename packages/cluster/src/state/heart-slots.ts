/**
 * Who writes where on the heartbeat disks. A node keeps its number as long as it is a member, so that no two ever write to one slot; numbers that are
 * given back are given out again.
 */
import type { ClusterState } from './model.ts';
import { sortedValues } from './model.ts';

/** After every change of members or of heartbeat disks. */
export function withHeartSlots(state: ClusterState): ClusterState {
  if (state.config.heartbeatDisks.length === 0)
    return Object.keys(state.heartSlots).length === 0 ? state : { ...state, heartSlots: {} };
  const nodes = sortedValues(state.members).filter(({ role }) => role === 'node');
  const slots = new Map<string, number>();
  for (const { name } of nodes) {
    const kept = state.heartSlots[name];
    if (kept !== undefined) slots.set(name, kept);
  }
  const taken = new Set(slots.values());
  for (const { name } of nodes) {
    if (slots.has(name)) continue;
    let free = 0;
    while (taken.has(free)) free += 1;
    taken.add(free);
    slots.set(name, free);
  }
  return { ...state, heartSlots: Object.fromEntries(slots) };
}
