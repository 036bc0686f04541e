/** Answer to a pre-vote. Granted: with the term asked about; denied: with the voter's own term. `granted u8` */
import type { ByteReader, ByteWriter } from '../codec.ts';

export interface PreVoteReply {
  readonly kind: 'pre-vote-reply';
  readonly granted: boolean;
}

export function writePreVoteReply(message: PreVoteReply, to: ByteWriter): void {
  to.u8(message.granted ? 1 : 0);
}

export function readPreVoteReply(from: ByteReader): PreVoteReply {
  return { kind: 'pre-vote-reply', granted: from.flag() };
}
