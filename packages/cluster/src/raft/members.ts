/** Who takes part in the log. Changes are one member at a time (thesis §4.1), so that old and new majorities always meet. */
import { EterneError } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from './codec.ts';
import type { MemberId } from './types.ts';

/** A voter counts for majorities; a learner only receives. */
export type MemberRole = 'voter' | 'learner';

export interface Member {
  readonly id: MemberId;
  readonly role: MemberRole;
}

/** Sorted by id, no id twice. */
export type Members = readonly Member[];

export const MEMBERS_MAX = 64;
const MEMBER_ID_MAX_BYTES = 128;

export type MemberChange =
  /** Begin to receive; the first step of every newcomer. */
  | { readonly kind: 'add-learner'; readonly id: MemberId }
  /** Learner → voter, once it has caught up. */
  | { readonly kind: 'promote'; readonly id: MemberId }
  | { readonly kind: 'remove'; readonly id: MemberId };

export function votersOf(members: Members): readonly MemberId[] {
  return members.filter((member) => member.role === 'voter').map((member) => member.id);
}

export function isVoter(members: Members, id: MemberId): boolean {
  return members.some((member) => member.id === id && member.role === 'voter');
}

export function isMember(members: Members, id: MemberId): boolean {
  return members.some((member) => member.id === id);
}

/** More than half of the voters; 1 when there is none, so that nobody ever has a majority of nothing. */
export function quorumOf(members: Members): number {
  return Math.floor(votersOf(members).length / 2) + 1;
}

/**
 * The largest value that a majority of the voters has reached. `of` gives each voter's; −Infinity when there are no voters.
 */
export function quorumValue(members: Members, of: (id: MemberId) => number): number {
  const values = votersOf(members)
    .map(of)
    .sort((a, b) => b - a);
  return values[quorumOf(members) - 1] ?? Number.NEGATIVE_INFINITY;
}

/** The membership after `change`, or why it cannot be. */
export function changeMembers(members: Members, change: MemberChange): Members | EterneError {
  const present = members.find((member) => member.id === change.id);
  const others = members.filter((member) => member.id !== change.id);
  switch (change.kind) {
    case 'add-learner':
      if (present) return new EterneError('exists', `${change.id} is already a ${present.role} of the log`);
      if (members.length >= MEMBERS_MAX)
        return new EterneError('refused', `the log has ${MEMBERS_MAX} members already`);
      if (Buffer.byteLength(change.id) > MEMBER_ID_MAX_BYTES || change.id === '')
        return new EterneError('refused', `a member's id has 1 to ${MEMBER_ID_MAX_BYTES} bytes`);
      return sorted([...others, { id: change.id, role: 'learner' }]);
    case 'promote':
      if (!present) return new EterneError('not-found', `${change.id} is not a member of the log`);
      if (present.role === 'voter') return new EterneError('exists', `${change.id} votes already`);
      return sorted([...others, { id: change.id, role: 'voter' }]);
    case 'remove':
      if (!present) return new EterneError('not-found', `${change.id} is not a member of the log`);
      if (votersOf(others).length === 0)
        return new EterneError('refused', `${change.id} is the last voter of the log`);
      return others;
  }
}

export function sorted(members: Members): Members {
  return members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** `count u32, count × (role u8: 0 learner, 1 voter; id text)` */
export function encodeMembers(members: Members): Buffer {
  const writer = new ByteWriter().u32(members.length);
  for (const member of members) writer.u8(member.role === 'voter' ? 1 : 0).text(member.id);
  return writer.finish();
}

export function decodeMembers(bytes: Buffer): Members {
  const reader = new ByteReader(bytes);
  const count = reader.u32();
  if (count > MEMBERS_MAX) throw malformed(`${count} members`);
  const members: Member[] = [];
  for (let i = 0; i < count; i += 1) {
    const role = reader.flag() ? 'voter' : 'learner';
    members.push({ role, id: reader.text() });
  }
  reader.end();
  return members;
}
