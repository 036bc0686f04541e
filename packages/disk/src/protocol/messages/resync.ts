/**
 * Copying blocks. The target asks, so that whichever side is primary can lock the range against application writes.
 *
 * - RESYNC_REQUEST, target → source: `offset u64 · length u32 · kind u32 · digest`. Kind 0: these blocks, no digest; 1: these blocks unless their
 *   SHA-256 is this one.
 * - RESYNC_DATA, source → target: `offset u64 · length u32 · kind u32 · data`. Kind 0: data; 1: the range is all zeroes; 2: it is what the
 *   digest said; 3: no file system uses it, and it is not copied. A request without digest is answered in any number of pieces, in any order.
 * - RESYNC_CLEAR, target → source: `list of (offset u64, length u32)`, 12 bytes each: blocks that the target has flushed; their bits go.
 * - REPAIR_DATA, of a repair (`engine/verify/`): as RESYNC_DATA, unasked. REPAIRED, the answer: as RESYNC_CLEAR.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, HEADER_BYTES, MAX_DATA_BYTES, readUint64, writeUint64 } from '../wire.ts';
import { checkRange } from './write.ts';

const HEAD_BYTES = 16;
const RUN_BYTES = 12;
const MAX_RUNS = 4096;
/** A target asks for no more at once, in requests and in bytes; a source drops the connection when it does. */
export const MAX_REQUESTS = 1024;
export const MAX_REQUESTED_BYTES = 64 * 1024 * 1024;
/** Of one request, and of one range of zeroes. */
export const MAX_RESYNC_BYTES = 16 * 1024 * 1024;
export const DIGEST_BYTES = 32;
/** What a frame with these fields takes on the wire besides its data. */
export const RESYNC_FRAME_BYTES = HEADER_BYTES + HEAD_BYTES;

export interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ResyncRequest extends Range {
  /** SHA-256 of what the target has there. A view of the frame, or lent until the call returns. */
  readonly digest: Buffer | undefined;
}

/** `data` is a view of the frame, or lent to the sender. */
export type ResyncContent =
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'zero' }
  | { readonly kind: 'same' }
  | { readonly kind: 'unused' };

export type ResyncData = Range & { readonly content: ResyncContent };

const KINDS: readonly ResyncContent['kind'][] = ['data', 'zero', 'same', 'unused'];

export function sendResyncRequest(sender: FrameSender, request: ResyncRequest): void {
  head(sender, FrameType.resyncRequest, request, request.digest === undefined ? 0 : 1);
  sender.end(request.digest);
}

export function sendResyncData(
  sender: FrameSender,
  range: Range,
  content: ResyncContent,
  type: FrameType = FrameType.resyncData,
): void {
  head(sender, type, range, KINDS.indexOf(content.kind));
  sender.end(content.kind === 'data' ? content.data : undefined);
}

function head(sender: FrameSender, type: FrameType, range: Range, kind: number): void {
  const at = sender.begin(type, HEAD_BYTES);
  writeUint64(sender.slab, at, range.offset);
  sender.slab.writeUInt32LE(range.lengthBytes, at + 8);
  sender.slab.writeUInt32LE(kind, at + 12);
}

export function decodeResyncRequest(body: Buffer, sizeBytes: number): ResyncRequest {
  const isPlain = body.length === HEAD_BYTES && body.readUInt32LE(12) === 0;
  const hasDigest = body.length === HEAD_BYTES + DIGEST_BYTES && body.readUInt32LE(12) === 1;
  if (!isPlain && !hasDigest) throw new EterneError('protocol', 'a malformed RESYNC_REQUEST');
  const range = rangeAt(body, 0, isPlain ? MAX_RESYNC_BYTES : MAX_DATA_BYTES, sizeBytes);
  return { ...range, digest: isPlain ? undefined : body.subarray(HEAD_BYTES) };
}

export function decodeResyncData(body: Buffer, sizeBytes: number): ResyncData {
  if (body.length < HEAD_BYTES) throw new EterneError('protocol', 'a short RESYNC_DATA');
  const range = rangeAt(body, 0, MAX_RESYNC_BYTES, sizeBytes);
  const kind = KINDS[body.readUInt32LE(12)];
  const data = body.subarray(HEAD_BYTES);
  if (kind === 'data' && data.length === range.lengthBytes) return { ...range, content: { kind, data } };
  if (kind === undefined || kind === 'data' || data.length > 0)
    throw new EterneError('protocol', 'a malformed RESYNC_DATA');
  return { ...range, content: { kind } };
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
