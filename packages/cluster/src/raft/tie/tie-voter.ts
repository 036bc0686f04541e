/**
 * A tie-breaker on a shared disk as the third voter of a pair. It has no process: each of the two nodes plays it for itself, and what
 * makes the two plays one voter is the order of accesses to the disk. Pure; the driver is `tie-driver.ts`.
 *
 * To answer anything that promises (a vote, a confirmation) in term t the node
 *   1. reads both blocks and judges;
 *   2. writes its own block with t, durably;
 *   3. reads the other's again and judges again; only then it answers.
 *
 * Why the plays are one voter. Let i answer in t and j in s < t. Either j read (3) before i wrote (2): then i's read (3) came later and
 * saw what j had written, its term, its last entry, its counter. Or j read after i wrote: it saw t > s and did not answer. In one term only one can
 * answer: whoever reads last sees the other's write, and equal terms refuse.
 *
 *   vote     refused when the other's block has moved within the hold that it names (a leader lives by it), or names an entry
 *            newer than the candidate's last (it would lose what was committed by this voter)
 *   confirm  the last entry, and the longest hold that is not over (heartbeats.ts), stand in its own block before it is confirmed, so that
 *            the rule above sees them
 */
import type { MemberId, RaftTerm } from '../types.ts';
import type { Message, MessageBody } from '../messages/message.ts';
import type { TieBlock } from './block.ts';

export interface TieBlocks {
  readonly own: TieBlock;
  readonly other: TieBlock;
}

/** When the other's block was last seen to change, on our boot clock: not before it did. */
export interface OtherSeen {
  readonly counter: number;
  readonly changedMs: number;
}

type Last = Pick<TieBlock, 'lastTerm' | 'lastIndex'>;

export function isNewer(x: Last, y: Last): boolean {
  return x.lastTerm > y.lastTerm || (x.lastTerm === y.lastTerm && x.lastIndex > y.lastIndex);
}

/** What is known of the other after reading its block at `readMs` (a moment after the read ended). */
export function see(seen: OtherSeen | undefined, other: TieBlock, readMs: number): OtherSeen {
  return seen?.counter === other.counter ? seen : { counter: other.counter, changedMs: readMs };
}

/** What the tie-breaker would hold after confirming `message`; undefined when it asks for no confirmation. */
export function claimOf({ body }: Message): Last | undefined {
  switch (body.kind) {
    case 'append': {
      const last = body.entries.at(-1);
      return last
        ? { lastTerm: last.term, lastIndex: last.index }
        : { lastTerm: body.prevTerm, lastIndex: body.prevIndex };
    }
    case 'snapshot-chunk':
      return { lastTerm: body.entryTerm, lastIndex: body.index };
    case 'heartbeat':
      return { lastTerm: 0, lastIndex: 0 };
    default:
      return undefined;
  }
}

/** A leader's message, which `confirm` answers; everything else is answered by `vote` or `preVote`, or not at all. */
export function isLeaders(message: Message): boolean {
  return claimOf(message) !== undefined;
}

/** What a leader asks the tie-breaker to hold, by these messages; 0: they ask for nothing. */
export function holdAsked(messages: readonly Message[]): number {
  return Math.max(0, ...messages.map(({ body }) => (body.kind === 'heartbeat' ? body.holdMs : 0)));
}

/** Step 1 for a leader's messages, all of one term: the block to write, or the higher term that ends this leadership. */
export function confirm(
  { own, other }: TieBlocks,
  messages: readonly Message[],
  term: RaftTerm,
  holdMs: number,
): { readonly write: TieBlock } | { readonly refusedBy: RaftTerm } {
  const higher = Math.max(own.term, other.term);
  if (higher > term) return { refusedBy: higher };
  const claims = messages.flatMap((message) => claimOf(message) ?? []);
  const { lastTerm, lastIndex } = claims.reduce<Last>(
    (last, claim) => (isNewer(claim, last) ? claim : last),
    own,
  );
  return { write: { ...own, counter: own.counter + 1, term, lastTerm, lastIndex, holdMs } };
}

/** Step 1 for a vote: the block to write, or undefined: no. */
export function vote({ own, other }: TieBlocks, message: Message, isSticky: boolean): TieBlock | undefined {
  const { body, term } = message;
  if (body.kind !== 'vote' || own.term > term || other.term >= term) return undefined;
  if ((isSticky && !body.transfer) || lacksSomething({ own, other }, body)) return undefined;
  return { ...own, counter: own.counter + 1, term };
}

/** A pre-vote promises nothing, so nothing is written. */
export function preVote({ own, other }: TieBlocks, message: Message, isSticky: boolean): boolean {
  const { body, term } = message;
  if (body.kind !== 'pre-vote' || Math.max(own.term, other.term) >= term) return false;
  return !isSticky && !lacksSomething({ own, other }, body);
}

/** Step 3 for a vote: has anything spoken up between our two reads? */
export function voteStands(before: TieBlock, after: TieBlock, message: Message): boolean {
  if (message.body.kind !== 'vote') return false;
  const moved = after.counter !== before.counter && !message.body.transfer;
  const candidate = { lastTerm: message.body.lastTerm, lastIndex: message.body.lastIndex };
  return !moved && after.term < message.term && !isNewer(after, candidate);
}

/** Step 3 for a leader: false when the other has claimed this or a higher term meanwhile. */
export function confirmationStands(after: TieBlock, term: RaftTerm): boolean {
  return after.term < term;
}

function lacksSomething({ own, other }: TieBlocks, candidate: Last): boolean {
  return isNewer(own, candidate) || isNewer(other, candidate);
}

/** What a leader's message is answered with once it stands. */
export function confirmationOf(message: Message): MessageBody | undefined {
  const { body } = message;
  if (body.kind === 'heartbeat') return { kind: 'heartbeat-reply', round: body.round };
  const claim = claimOf(message);
  return claim && { kind: 'append-reply', ok: true, index: claim.lastIndex, hintIndex: 0, hintTerm: 0 };
}

/** From the tie-breaker to the node that plays it. */
export function reply(from: MemberId, to: MemberId, term: RaftTerm, body: MessageBody): Message {
  return { from, to, term, body };
}
