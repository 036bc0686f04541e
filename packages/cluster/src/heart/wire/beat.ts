/**
 * BEAT: "I live, and this is the newest I have heard from you on this path."
 *
 *     0   4  number of the beat on this path: 1, 2, 3 … per session; gaps are losses
 *     4  16  echo: the receiver's session, zeroes when nothing was heard on this path yet
 *    20   8  echo: sent-at of the newest beat heard from the receiver on this path, µs of the receiver's clock
 *    28   4  µs between the arrival of that beat and the sending of this one; at most 2³²−1
 *
 * The echo makes a beat fresh: only who hears us now can echo what we sent a moment ago, so a recorded beat proves nothing,
 * and a path that works one way only counts as down on both ends.
 */
import { SESSION_BYTES } from './envelope.ts';

const BODY_BYTES = 32;
export const HOLD_US_MAX = 0xffff_ffff;
const NO_SESSION = '0'.repeat(SESSION_BYTES * 2);

export interface BeatEcho {
  readonly session: string;
  readonly sentAtUs: number;
  readonly heldUs: number;
}

export interface Beat {
  readonly number: number;
  readonly echo: BeatEcho | undefined;
}

export function encodeBeat(beat: Beat): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeUInt32LE(beat.number, 0);
  if (beat.echo === undefined) return body;
  body.write(beat.echo.session, 4, 'hex');
  body.writeBigUInt64LE(BigInt(beat.echo.sentAtUs), 20);
  body.writeUInt32LE(Math.min(Math.max(Math.round(beat.echo.heldUs), 0), HOLD_US_MAX), 28);
  return body;
}

export function decodeBeat(body: Buffer): Beat | undefined {
  if (body.length !== BODY_BYTES) return undefined;
  const session = body.toString('hex', 4, 4 + SESSION_BYTES);
  const sentAtUs = Number(body.readBigUInt64LE(20));
  if (!Number.isSafeInteger(sentAtUs)) return undefined;
  const echo = session === NO_SESSION ? undefined : { session, sentAtUs, heldUs: body.readUInt32LE(28) };
  return { number: body.readUInt32LE(0), echo };
}
