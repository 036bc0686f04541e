/**
 * WRITE: `number u64 · offset u64 · data`. ZERO: `number u64 · offset u64 · length u32 · may punch u8 · 3 zero bytes`.
 *
 * Numbers count the WRITE and ZERO frames of a session from 0 without gaps; ACKS name them. Offset and length are bytes, multiples of
 * 512, within the volume.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, MAX_DATA_BYTES, MAX_ZERO_BYTES, readUint64, writeUint64 } from '../wire.ts';

/** Of a WRITE, before its data. */
export const WRITE_HEAD_BYTES = 16;
const ZERO_BODY_BYTES = 24;

export interface WriteMessage {
  readonly number: number;
  readonly offset: number;
  readonly lengthBytes: number;
  /** A view of the frame; undefined for ZERO. */
  readonly data: Buffer | undefined;
  readonly mayPunch: boolean;
}

export function sendWrite(sender: FrameSender, number: number, offset: number, data: Buffer): void {
  const at = sender.begin(FrameType.write, WRITE_HEAD_BYTES);
  writeUint64(sender.slab, at, number);
  writeUint64(sender.slab, at + 8, offset);
  sender.end(data);
}

export function sendZero(
  sender: FrameSender,
  number: number,
  offset: number,
  lengthBytes: number,
  mayPunch: boolean,
): void {
  const at = sender.begin(FrameType.zero, ZERO_BODY_BYTES);
  writeUint64(sender.slab, at, number);
  writeUint64(sender.slab, at + 8, offset);
  sender.slab.writeUInt32LE(lengthBytes, at + 16);
  sender.slab.writeUInt32LE(mayPunch ? 1 : 0, at + 20);
  sender.end();
}

export function decodeWrite(body: Buffer, sizeBytes: number): WriteMessage {
  if (body.length <= WRITE_HEAD_BYTES) throw new EterneError('protocol', 'a WRITE without data');
  const offset = readUint64(body, 8);
  const data = body.subarray(WRITE_HEAD_BYTES);
  checkRange(offset, data.length, MAX_DATA_BYTES, sizeBytes);
  return { number: readUint64(body, 0), offset, lengthBytes: data.length, data, mayPunch: false };
}

export function decodeZero(body: Buffer, sizeBytes: number): WriteMessage {
  if (body.length !== ZERO_BODY_BYTES) throw new EterneError('protocol', 'a ZERO of wrong length');
  const offset = readUint64(body, 8);
  const lengthBytes = body.readUInt32LE(16);
  const punch = body.readUInt32LE(20);
  if (punch > 1) throw new EterneError('protocol', 'a ZERO with unknown flags');
  checkRange(offset, lengthBytes, MAX_ZERO_BYTES, sizeBytes);
  return { number: readUint64(body, 0), offset, lengthBytes, data: undefined, mayPunch: punch === 1 };
}

/** Throws `protocol` unless the range is a non-empty multiple of 512 bytes inside the volume and at most `maxBytes` long. */
export function checkRange(offset: number, lengthBytes: number, maxBytes: number, sizeBytes: number): void {
  const aligned = offset % 512 === 0 && lengthBytes % 512 === 0;
  const inside = lengthBytes > 0 && lengthBytes <= maxBytes && offset + lengthBytes <= sizeBytes;
  if (!aligned || !inside) throw new EterneError('protocol', 'a range outside the volume or its limits');
}
