/**
 * Copying blocks. The target asks, so that whichever side is primary can lock the range against application writes.
 *
 * - RESYNC_REQUEST, target → source: `offset u64 · length u32 · zero u32`.
 * - RESYNC_DATA, source → target: `offset u64 · length u32 · kind u32 · data`. Kind 0: data; 1: the range is all zeroes, no data.
 * - REPAIR_DATA, of a repair (`engine/verify/`): as RESYNC_DATA, unasked. REPAIRED, the answer: as RESYNC_CLEAR.
 * - RESYNC_CLEAR, target → source: `list of (offset u64, length u32)`, 12 bytes each: blocks that the target has flushed; their bits go.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, MAX_DATA_BYTES, readUint64, writeUint64 } from '../wire.ts';
import { checkRange } from './write.ts';

const HEAD_BYTES = 16;
const RUN_BYTES = 12;
const MAX_RUNS = 4096;
/** A target asks for no more at once; a source drops the connection when it does. */
export const MAX_REQUESTS = 1024;

export interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ResyncData extends Range {
  /** A view of the frame; undefined: all zeroes. */
  readonly data: Buffer | undefined;
}

export function sendResyncRequest(sender: FrameSender, range: Range): void {
  head(sender, FrameType.resyncRequest, range, 0);
  sender.end();
}

export function sendResyncData(
  sender: FrameSender,
  range: Range,
  data: Buffer | undefined,
  type: FrameType = FrameType.resyncData,
): void {
  head(sender, type, range, data === undefined ? 1 : 0);
  sender.end(data);
}

function head(sender: FrameSender, type: FrameType, range: Range, kind: number): void {
  const at = sender.begin(type, HEAD_BYTES);
  writeUint64(sender.slab, at, range.offset);
  sender.slab.writeUInt32LE(range.lengthBytes, at + 8);
  sender.slab.writeUInt32LE(kind, at + 12);
}

export function decodeResyncRequest(body: Buffer, sizeBytes: number): Range {
  if (body.length !== HEAD_BYTES || body.readUInt32LE(12) !== 0)
    throw new EterneError('protocol', 'a malformed RESYNC_REQUEST');
  return rangeAt(body, 0, MAX_DATA_BYTES, sizeBytes);
}

export function decodeResyncData(body: Buffer, sizeBytes: number): ResyncData {
  if (body.length < HEAD_BYTES) throw new EterneError('protocol', 'a short RESYNC_DATA');
  const range = rangeAt(body, 0, MAX_DATA_BYTES, sizeBytes);
  const kind = body.readUInt32LE(12);
  const wantedBytes = kind === 0 ? range.lengthBytes : 0;
  if (kind > 1 || body.length !== HEAD_BYTES + wantedBytes)
    throw new EterneError('protocol', 'a malformed RESYNC_DATA');
  return { ...range, data: kind === 0 ? body.subarray(HEAD_BYTES) : undefined };
}

export function sendResyncClear(
  sender: FrameSender,
  ranges: readonly Range[],
  type: FrameType = FrameType.resyncClear,
): void {
  for (let from = 0; from < ranges.length; from += MAX_RUNS) {
    const part = ranges.slice(from, from + MAX_RUNS);
    let at = sender.begin(type, part.length * RUN_BYTES);
    for (const range of part) {
      writeUint64(sender.slab, at, range.offset);
      sender.slab.writeUInt32LE(range.lengthBytes, at + 8);
      at += RUN_BYTES;
    }
    sender.end();
  }
}

export function decodeResyncClear(body: Buffer, sizeBytes: number): Range[] {
  if (body.length === 0 || body.length % RUN_BYTES !== 0)
    throw new EterneError('protocol', 'a malformed RESYNC_CLEAR');
  const ranges: Range[] = [];
  for (let at = 0; at < body.length; at += RUN_BYTES) ranges.push(rangeAt(body, at, 0xffff_ffff, sizeBytes));
  return ranges;
}

function rangeAt(body: Buffer, at: number, maxBytes: number, sizeBytes: number): Range {
  const range = { offset: readUint64(body, at), lengthBytes: body.readUInt32LE(at + 8) };
  checkRange(range.offset, range.lengthBytes, maxBytes, sizeBytes);
  return range;
}
