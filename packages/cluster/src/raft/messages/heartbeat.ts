/**
 * The leader lives. Every broadcast has a round number; the reply to it proves that the follower saw this leader after
 * the round began, which is what authority and linearizable reads rest on (thesis §6.4). `round u64, commit u64`, and `hold u32` unless it is
 * `UNSAID_HOLD_MS`: a member that does not know of holds then drops the message, and promises nothing that it would not keep.
 */
import { malformed, type ByteReader, type ByteWriter } from '../codec.ts';
import { HOLD_MAX_MS, UNSAID_HOLD_MS, type LogIndex } from '../types.ts';

export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly round: number;
  /** The leader's commit index, as far as this follower is known to hold the log. */
  readonly commit: LogIndex;
  /** Whoever answers votes for nobody for so long after it has heard this. */
  readonly holdMs: number;
}

export function writeHeartbeat(message: Heartbeat, to: ByteWriter): void {
  to.u64(message.round).u64(message.commit);
  if (message.holdMs !== UNSAID_HOLD_MS) to.u32(message.holdMs);
}

export function readHeartbeat(from: ByteReader): Heartbeat {
  return { kind: 'heartbeat', round: from.u64(), commit: from.u64(), holdMs: readHold(from) };
}

/** The last field of what has one. */
export function readHold(from: ByteReader): number {
  if (from.remainingBytes === 0) return UNSAID_HOLD_MS;
  const holdMs = from.u32();
  if (holdMs === 0 || holdMs === UNSAID_HOLD_MS || holdMs > HOLD_MAX_MS)
    throw malformed(`a hold of ${holdMs} ms`);
  return holdMs;
}
