/** "I heard your round, and shall vote for no one else for the minimum election timeout." `round u64` */
import type { ByteReader, ByteWriter } from '../codec.ts';

export interface HeartbeatReply {
  readonly kind: 'heartbeat-reply';
  readonly round: number;
}

export function writeHeartbeatReply(message: HeartbeatReply, to: ByteWriter): void {
  to.u64(message.round);
}

export function readHeartbeatReply(from: ByteReader): HeartbeatReply {
  return { kind: 'heartbeat-reply', round: from.u64() };
}
