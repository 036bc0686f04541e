/** What the log of a member that does not run comes to when all of it counts, also what is not known to be committed. */
import type { Machine } from './machine.ts';
import { decodeMembers, isMember, type Members } from './members.ts';
import type { LogImage } from './storage/recover.ts';

/** The members at its end. `machine` is new, and has applied everything afterwards. Throws `corrupt` or `needs-upgrade` for what cannot be understood. */
export function replayLog<Command>({ snapshot, entries }: LogImage, machine: Machine<Command>): Members {
  let { members } = snapshot;
  if (snapshot.index > 0) machine.restore(snapshot.data, snapshot.index);
  for (const { kind, data, index } of entries) {
    if (kind === 'members') members = decodeMembers(data);
    if (kind === 'command') machine.apply(data, index, (id) => isMember(members, id));
  }
  return members;
}
