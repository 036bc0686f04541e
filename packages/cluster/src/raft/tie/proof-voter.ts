/**
 * The tie-breaker of a pair that shares no disk: it votes for the node that is certain that the other has stopped. Pure; the driver is
 * `proof-player.ts`. It has no memory that both nodes could read, so two rules stand for it:
 *
 *   hold    Only who *holds* it gets its votes and confirmations. A node takes it with a proof that the other has stopped (a confirmed fence, an
 *           operator's word), writes that down, and gives it up, durably, before it listens to the other again.
 *   meet    Only a node that has *met* the other since it started, and since both vote, may take it: a read behind a barrier came back while this
 *           node held nothing. (An operator may say that he accepts what may be lost.)
 *
 * Why nothing that was committed is lost. What X and the tie-breaker commit alone they commit while X holds it. The proof ended Y's life, and its
 * next one has not met X. To meet, X must have heard Y, and so has given the tie-breaker up before; whatever it committed alone
 * lies before the barrier, and is in Y's log when the barrier comes back. From then on X commits nothing without Y or another proof. So whoever may take the
 * tie-breaker holds everything that is committed.
 *
 * Why two never hold it at once. X takes it when Y's life has ended. Y's next life may take it only after it has met X, which gave it up first.
 */
import type { Message, MessageBody } from '../messages/message.ts';
import type { LogIndex, RaftTerm } from '../types.ts';
import { claimOf, confirmationOf } from './tie-voter.ts';

export interface ProofReply {
  readonly term: RaftTerm;
  readonly body: MessageBody;
}

/** `term`: the highest in which it was used here. Undefined: it is silent. */
export function answerHolding(message: Message, term: RaftTerm): ProofReply | undefined {
  if (message.term < term) return undefined;
  switch (message.body.kind) {
    case 'pre-vote':
      return { term: message.term, body: { kind: 'pre-vote-reply', granted: true } };
    case 'vote':
      return { term: message.term, body: { kind: 'vote-reply', granted: true } };
    default: {
      const body = confirmationOf(message);
      return body && { term: message.term, body };
    }
  }
}

/**
 * A learner has to catch up before it may vote. It confirms only what is committed without it: what it confirmed beyond that would count once it
 * votes, although the other node may lack it.
 */
export function answerLearning(message: Message): ProofReply | undefined {
  const claim = claimOf(message);
  const committed = committedBy(message.body);
  if (claim === undefined || committed === undefined) return undefined;
  const index = Math.min(claim.lastIndex, committed);
  return { term: message.term, body: { kind: 'append-reply', ok: true, index, hintIndex: 0, hintTerm: 0 } };
}

function committedBy(body: MessageBody): LogIndex | undefined {
  if (body.kind === 'append') return body.commit;
  // What is in a snapshot is committed.
  return body.kind === 'snapshot-chunk' ? body.index : undefined;
}
