/**
 * The leader lives. Every broadcast has a round number; the reply to it proves that the follower saw this leader after
 * the round began, which is what authority and linearizable reads rest on (thesis §6.4). `round u64, commit u64`
 */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex } from '../types.ts';

export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly round: number;
  /** The leader's commit index, as far as this follower is known to hold the log. */
  readonly commit: LogIndex;
}

export function writeHeartbeat(message: Heartbeat, to: ByteWriter): void {
  to.u64(message.round).u64(message.commit);
}

export function readHeartbeat(from: ByteReader): Heartbeat {
  return { kind: 'heartbeat', round: from.u64(), commit: from.u64() };
}
