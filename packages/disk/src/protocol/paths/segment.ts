/**
 * What travels on each of several connections that together carry one session: pieces of its byte stream, each with its place in it.
 *
 * ```
 *   offset size
 *      0   4   magic `EtPa`
 *      4   1   type: 70 DATA, 71 ACK
 *      5   3   zero
 *      8   8   position: of the first byte in the stream; of an ACK, how many bytes of the other direction were delivered
 *     16   4   length of the data, at most 128 KiB; of an ACK, zero
 *     20   4   CRC-32C of bytes 0…19
 *     24   …   data: frames of the mirror protocol, cut anywhere; their own checksums cover it
 * ```
 * Changelog: version 1, the first.
 */
import { EterneError, crc32cOf } from '@eterne/base';
import { readUint64, writeUint64 } from '../wire.ts';

export const SEGMENT_HEADER_BYTES = 24;
export const MAX_SEGMENT_BYTES = 128 * 1024;
const MAGIC = 0x61507445; // 'EtPa' read little-endian
const TYPE = { data: 70, ack: 71 } as const;

export type Segment =
  /** `data` is valid only during the call that delivers it. */
  | { readonly kind: 'data'; readonly position: number; readonly data: Buffer }
  | { readonly kind: 'ack'; readonly delivered: number };

/** One contiguous DATA segment, copied from `pieces`. */
export function encodeData(position: number, pieces: readonly Buffer[], lengthBytes: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(SEGMENT_HEADER_BYTES + lengthBytes);
  writeHeader(bytes, TYPE.data, position, lengthBytes);
  let at = SEGMENT_HEADER_BYTES;
  for (const piece of pieces) at += piece.copy(bytes, at);
  return bytes;
}

export function encodeAck(delivered: number): Buffer {
  const bytes = Buffer.allocUnsafe(SEGMENT_HEADER_BYTES);
  writeHeader(bytes, TYPE.ack, delivered, 0);
  return bytes;
}

function writeHeader(into: Buffer, type: number, position: number, lengthBytes: number): void {
  into.writeUInt32LE(MAGIC, 0);
  into.writeUInt32LE(type, 4);
  writeUint64(into, 8, position);
  into.writeUInt32LE(lengthBytes, 16);
  into.writeUInt32LE(crc32cOf(into, 0, 20), 20);
}

/** Bytes of one connection in, segments out. The first malformed header ends it: `onError` once, everything later is ignored. */
export class SegmentDecoder {
  readonly #onSegment: (segment: Segment) => void;
  readonly #onError: (error: EterneError) => void;
  /** One incomplete segment. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  #failed = false;

  constructor(onSegment: (segment: Segment) => void, onError: (error: EterneError) => void) {
    this.#onSegment = onSegment;
    this.#onError = onError;
  }

  stop(): void {
    this.#failed = true;
    this.#kept = Buffer.alloc(0);
    this.#keptBytes = 0;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (!this.#failed && rest.length > 0) {
      if (this.#keptBytes > 0) rest = this.#complete(rest);
      else {
        const used = this.#take(rest);
        rest = used > 0 || this.#failed ? rest.subarray(used) : this.#keep(rest, rest.length);
      }
    }
  }

  /** Completes the kept segment from `chunk`; returns what was not needed. */
  #complete(chunk: Buffer): Buffer {
    let rest = this.#keep(chunk, Math.max(0, SEGMENT_HEADER_BYTES - this.#keptBytes));
    if (this.#keptBytes < SEGMENT_HEADER_BYTES) return rest;
    const lengthBytes = this.#lengthOf(this.#kept);
    if (lengthBytes === undefined) return rest;
    rest = this.#keep(rest, SEGMENT_HEADER_BYTES + lengthBytes - this.#keptBytes);
    if (this.#keptBytes < SEGMENT_HEADER_BYTES + lengthBytes) return rest;
    const whole = this.#kept.subarray(0, this.#keptBytes);
    this.#keptBytes = 0;
    this.#take(whole);
    return rest;
  }

  /** Moves up to `wanted` bytes of `chunk` to the kept ones; returns the others. */
  #keep(chunk: Buffer, wanted: number): Buffer {
    const used = Math.min(wanted, chunk.length);
    const needed = this.#keptBytes + used;
    if (this.#kept.length < needed) {
      const larger = Buffer.allocUnsafeSlow(
        needed <= SEGMENT_HEADER_BYTES ? SEGMENT_HEADER_BYTES : SEGMENT_HEADER_BYTES + MAX_SEGMENT_BYTES,
      );
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    this.#keptBytes += chunk.copy(this.#kept, this.#keptBytes, 0, used);
    return chunk.subarray(used);
  }

  /** Delivers the segment at the front of `bytes` when it is whole; returns how long it was, or zero. */
  #take(bytes: Buffer): number {
    if (bytes.length < SEGMENT_HEADER_BYTES) return 0;
    const lengthBytes = this.#lengthOf(bytes);
    if (lengthBytes === undefined || bytes.length < SEGMENT_HEADER_BYTES + lengthBytes) return 0;
    const position = readUint64(bytes, 8);
    const data = bytes.subarray(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + lengthBytes);
    if (bytes[4] === TYPE.ack) this.#onSegment({ kind: 'ack', delivered: position });
    else this.#onSegment({ kind: 'data', position, data });
    return SEGMENT_HEADER_BYTES + lengthBytes;
  }

  /** Of the data behind a header that was checked; undefined: it is malformed. */
  #lengthOf(header: Buffer): number | undefined {
    if (header.readUInt32LE(0) !== MAGIC) return this.#fail('this is no piece of a session');
    if (crc32cOf(header, 0, 20) !== header.readUInt32LE(20))
      return this.#fail('a header failed its checksum');
    const type = header.readUInt32LE(4);
    const lengthBytes = header.readUInt32LE(16);
    const isData = type === TYPE.data && lengthBytes > 0 && lengthBytes <= MAX_SEGMENT_BYTES;
    if (!isData && !(type === TYPE.ack && lengthBytes === 0))
      return this.#fail(`type ${type} with ${lengthBytes} bytes`);
    if (Number.isNaN(readUint64(header, 8))) return this.#fail('a position beyond all bounds');
    return lengthBytes;
  }

  #fail(reason: string): undefined {
    if (this.#failed) return undefined;
    this.stop();
    this.#onError(new EterneError('protocol', reason));
    return undefined;
  }
}
