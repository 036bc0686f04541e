/**
 * RequestVote (thesis §3.4). `transfer`: the leader itself asked for this election and has given up its authority, so a voter need not wait
 * until it has not heard it for long enough (thesis §3.10). `lastIndex u64, lastTerm u64, transfer u8`
 */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex, RaftTerm } from '../types.ts';

export interface Vote {
  readonly kind: 'vote';
  readonly lastIndex: LogIndex;
  readonly lastTerm: RaftTerm;
  readonly transfer: boolean;
}

export function writeVote(message: Vote, to: ByteWriter): void {
  to.u64(message.lastIndex)
    .u64(message.lastTerm)
    .u8(message.transfer ? 1 : 0);
}

export function readVote(from: ByteReader): Vote {
  return { kind: 'vote', lastIndex: from.u64(), lastTerm: from.u64(), transfer: from.flag() };
}
