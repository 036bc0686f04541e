/**
 * Frames that carry one number, `u64`:
 *
 * - STATE_ACK: the id of a STATE that is durable now.
 * - FLUSH: the number of a flush round. Every write acknowledged so far is to become durable.
 * - FLUSHED: the number of the newest round that is durable.
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
