/**
 * Who takes part in the log. Changes are one member at a time (thesis §4.1), so that old and new majorities always meet.
 *
 *     – ── add-learner ──► learner ── promote ──► voter
 *                             └─ succeed ──► successor ── remove of the tie-breaker ──► voter
 *
 * The third voter of a pair takes the place of its tie-breaker (raft/tie/). Between the two no single change leads that leaves the pair no worse off: without either it
 * outlives no loss, and with both it needs three of four. So the newcomer first is a *successor*: every decision needs a majority with the tie-breaker in
 * that place and one with the successor in it (joint consensus, thesis §4.3, of two memberships that differ in one place). Whoever went on before goes on: both nodes, or one with
 * tie-breaker and successor. Either end of it keeps one of the two majorities, so the change that begins it and the one that ends it meet the majorities around them.
 */
import { EterneError } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from './codec.ts';
import { isTie } from './tie/tie-id.ts';
import type { MemberId } from './types.ts';

/** A voter counts for majorities; a learner only receives; a successor counts in the place of the tie-breaker, beside it, and never leads. */
export type MemberRole = 'voter' | 'learner' | 'successor';

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
  /** Learner → successor of the tie-breaker, once it has caught up. */
  | { readonly kind: 'succeed'; readonly id: MemberId }
  /** The tie-breaker's successor, if there is one, votes in its place. */
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

/** Whose votes and confirmations count. */
export function electorsOf(members: Members): readonly MemberId[] {
  return members.filter(({ role }) => role !== 'learner').map(({ id }) => id);
}

/** A decision needs a majority of each of these. */
function ballotsOf(members: Members): readonly (readonly MemberId[])[] {
  const voters = votersOf(members);
  const successor = members.find(({ role }) => role === 'successor');
  if (successor === undefined) return [voters];
  return [voters, [...voters.filter((id) => !isTie(id)), successor.id]];
}

/** More than half of them; 1 of nobody, so that nobody ever has a majority of nothing. */
function majorityOf(ballot: readonly MemberId[]): number {
  return Math.floor(ballot.length / 2) + 1;
}

/** Those of whom `has` is true decide. */
export function isQuorum(members: Members, has: (id: MemberId) => boolean): boolean {
  return ballotsOf(members).every((ballot) => ballot.filter(has).length >= majorityOf(ballot));
}

/**
 * The largest value that whoever decides has reached. `of` gives each voter's; −Infinity when there are no voters.
 */
export function quorumValue(members: Members, of: (id: MemberId) => number): number {
  const reached = ballotsOf(members).map((ballot) => {
    const values = ballot.map(of).sort((a, b) => b - a);
    return values[majorityOf(ballot) - 1] ?? Number.NEGATIVE_INFINITY;
  });
  return Math.min(...reached);
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
    case 'succeed':
      if (present?.role !== 'learner')
        return new EterneError('refused', `${change.id} is no learner of the log`);
      if (!votersOf(members).some(isTie)) return new EterneError('refused', 'the log has no tie-breaker');
      if (members.some(({ role }) => role === 'successor'))
        return new EterneError('exists', 'the tie-breaker has a successor already');
      return sorted([...others, { id: change.id, role: 'successor' }]);
    case 'remove':
      if (!present) return new EterneError('not-found', `${change.id} is not a member of the log`);
      if (votersOf(others).length === 0)
        return new EterneError('refused', `${change.id} is the last voter of the log`);
      return isTie(change.id) ? others.map(inPlaceOfTie) : others;
  }
}

function inPlaceOfTie(member: Member): Member {
  return member.role === 'successor' ? { ...member, role: 'voter' } : member;
}

export function sorted(members: Members): Members {
  return members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** As they are written. */
const ROLES: readonly MemberRole[] = ['learner', 'voter', 'successor'];

/** `count u32, count × (role u8: 0 learner, 1 voter, 2 successor; id text)` */
export function encodeMembers(members: Members): Buffer {
  const writer = new ByteWriter().u32(members.length);
  for (const member of members) writer.u8(ROLES.indexOf(member.role)).text(member.id);
  return writer.finish();
}

export function decodeMembers(bytes: Buffer): Members {
  const reader = new ByteReader(bytes);
  const count = reader.u32();
  if (count > MEMBERS_MAX) throw malformed(`${count} members`);
  const members: Member[] = [];
  for (let i = 0; i < count; i += 1) {
    const written = reader.u8();
    const role = ROLES[written];
    if (role === undefined) throw malformed(`${written} is no role of a member`);
    members.push({ role, id: reader.text() });
  }
  reader.end();
  return members;
}
