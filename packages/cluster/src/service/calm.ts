/**
 * Whether nothing is under way that the mere passing of time decides: no wait for a lease to end, no start, no move, nobody who has just fallen silent.
 * Then it is enough to look a few times a second. Whatever ends the calm is an event, and looked at when it comes; so no take-over is later for it. Pure.
 */
import { heldBy } from '../state/held.ts';
import type { GroupState, Member } from '../state/model.ts';
import { isUnsaid, leaseRemainingMs, type View } from './view.ts';

export function isCalm(view: View): boolean {
  const { state, leadership, alive } = view;
  if (!view.caughtUp || view.leaving || alive === undefined || !leadership.quorate) return false;
  if (state.members[view.self]?.startId !== view.startId) return false;
  if (leadership.isLeader && state.leaderTerm !== leadership.raftTerm) return false;
  if (state.log.phase !== 'steady' || state.settling !== null) return false;
  if (Object.keys(state.fences).length > 0 || state.alone !== null || isUnsaid(view)) return false;
  return (
    Object.values(state.members).every((member) => isKnown(member, alive)) &&
    Object.values(state.groups).every((group) => isSettled(view, group, alive))
  );
}

/** The log has it as it is heard. */
function isKnown({ name, presence }: Member, alive: ReadonlySet<string>): boolean {
  return alive.has(name) ? presence === 'online' : presence === 'lost' || presence === 'unknown';
}

function isSettled(view: View, group: GroupState, alive: ReadonlySet<string>): boolean {
  const { spec, owner, epoch, desired, phase, move, drill } = group;
  if (owner === view.self && leaseRemainingMs(view, spec.name, epoch) <= 0) return false;
  if (heldBy(view.state, group) !== undefined) return true;
  if (owner === null) return desired === 'stopped';
  return desired === 'started' && phase === 'online' && move === null && drill === null && alive.has(owner);
}
