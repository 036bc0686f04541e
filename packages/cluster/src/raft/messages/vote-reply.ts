/** Answer to RequestVote; a granted one leaves only after the vote is on disk. `granted u8` */
import type { ByteReader, ByteWriter } from '../codec.ts';

export interface VoteReply {
  readonly kind: 'vote-reply';
  readonly granted: boolean;
}

export function writeVoteReply(message: VoteReply, to: ByteWriter): void {
  to.u8(message.granted ? 1 : 0);
}

export function readVoteReply(from: ByteReader): VoteReply {
  return { kind: 'vote-reply', granted: from.flag() };
}
