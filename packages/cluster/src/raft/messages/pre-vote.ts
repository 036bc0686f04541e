/** Pre-vote (thesis §9.6): "would you vote for me in `term`?" Changes nothing on either side. `lastIndex u64, lastTerm u64` */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex, RaftTerm } from '../types.ts';

export interface PreVote {
  readonly kind: 'pre-vote';
  readonly lastIndex: LogIndex;
  readonly lastTerm: RaftTerm;
}

export function writePreVote(message: PreVote, to: ByteWriter): void {
  to.u64(message.lastIndex).u64(message.lastTerm);
}

export function readPreVote(from: ByteReader): PreVote {
  return { kind: 'pre-vote', lastIndex: from.u64(), lastTerm: from.u64() };
}
