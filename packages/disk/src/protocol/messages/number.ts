/**
 * Frames that carry one number, `u64`:
 *
 * - STATE_ACK: the id of a STATE that is durable now.
 * - FLUSH: the number of a flush round. Every write acknowledged so far is to become durable.
 * - FLUSH_AGAIN: the same, for a peer that came when the round had begun without it; SETTLED does not refer to it.
 * - FLUSHED: the number of the newest round that is durable.
 * - SETTLED: the number of a FLUSH. Every write that came before it is durable on every replica that the primary reaches.
 */
import { FieldReader, FieldWriter } from '../fields.ts';

export function encodeNumber(value: number): Buffer {
  return new FieldWriter().uint64(value).finish();
}

export function decodeNumber(body: Buffer): number {
  const from = new FieldReader(body);
  const value = from.uint64();
  from.finish();
  return value;
}
