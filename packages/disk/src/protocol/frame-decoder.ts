import { EterneError, KIB, assert, crc32cOf } from '@eterne/base';
import type { BufferSlabs } from '../engine/buffer-slabs.ts';
import { decompressBody } from './compression.ts';
import { WRITE_HEAD_BYTES } from './messages/write.ts';
import { putInPlace } from './put-in-place.ts';
import {
  FLAG_BODY_CRC,
  FLAG_ZSTD,
  FrameType,
  HEADER_BYTES,
  MAGIC,
  maxBodyBytes,
  readUint64,
} from './wire.ts';

/** One frame, checked. */
export interface Frame {
  readonly type: FrameType;
  /** Valid only during the call that delivers it, unless `isOwned`: copy what must live on. */
  readonly body: Buffer;
  /** The body lies in memory of its own, which whoever takes the frame may keep, and gives back in the end. Only of a WRITE. */
  readonly isOwned: boolean;
}

/** A large frame whose body is still coming, into memory of its own. */
interface LargeFrame {
  readonly header: Header;
  readonly body: Buffer;
  filledBytes: number;
}

interface Header {
  readonly type: FrameType;
  readonly flags: number;
  readonly bodyBytes: number;
  readonly session: number;
  readonly bodyCrc: number;
  /** Of the body, from its start. */
  readonly coveredBytes: number;
}

const EMPTY = Buffer.alloc(0);
/** From here on a body gets memory of its own, and the stream may read it straight into that. */
const LARGE_BYTES = 64 * KIB;
/** For less the read that brings the rest had better bring the next frames, too. */
const LEAST_ROOM_BYTES = 16 * KIB;

/**
 * Bytes in, checked frames out, in order. Lengths are capped by type before anything is kept. After the first
 * malformed byte the decoder stays failed: `onError` has been called once and every later byte is ignored.
 *
 * `hold()` stops delivery (also between two frames of one chunk) until as many `release()`, so that a frame's duty can become durable
 * before the next frame is looked at; the caller pauses its stream meanwhile, so at most one chunk and one frame are kept.
 */
export class FrameDecoder {
  /** Known once the first frame (HELLO) came; every later one must carry it. */
  session: number | undefined;
  readonly #onFrame: (frame: Frame) => void;
  readonly #onError: (error: EterneError) => void;
  #sequence = 0;
  #failed = false;
  #holds = 0;
  #delivering = false;
  /** The first `#keptLength` bytes of it are not yet consumed: one incomplete frame, or whatever came during a hold. */
  #kept: Buffer = EMPTY;
  #keptLength = 0;
  readonly #memory: BufferSlabs;
  /** While there is one, nothing else is kept but what comes behind it. */
  #large: LargeFrame | undefined;

  constructor(memory: BufferSlabs, onFrame: (frame: Frame) => void, onError: (error: EterneError) => void) {
    this.#memory = memory;
    this.#onFrame = onFrame;
    this.#onError = onError;
  }

  get held(): boolean {
    return this.#holds > 0;
  }

  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    assert(this.#holds > 0, 'only held frames can be released');
    this.#holds -= 1;
    if (this.held || this.#delivering) return;
    this.#deliverLarge();
    if (this.held || this.#large !== undefined) return;
    const used = this.#deliver(this.#kept.subarray(0, this.#keptLength));
    this.#kept.copyWithin(0, used, this.#keptLength);
    this.#keptLength = Math.max(0, this.#keptLength - used);
  }

  /** Ends delivery for good, for example because the link was dropped by its owner. */
  stop(): void {
    this.#failed = true;
    this.#kept = EMPTY;
    this.#keptLength = 0;
    this.#large = undefined;
  }

  /** Where the rest of a large body belongs. */
  get room(): Buffer | undefined {
    if (this.#large === undefined) return undefined;
    const { body, filledBytes } = this.#large;
    return body.length - filledBytes < LEAST_ROOM_BYTES ? undefined : body.subarray(filledBytes);
  }

  push(chunk: Buffer): void {
    if (this.#failed) return;
    let rest = this.#fillLarge(chunk);
    if (this.#mayProceed() && this.#keptLength > 0) rest = this.#fillLarge(this.#completeKept(rest));
    if (this.#mayProceed() && this.#keptLength === 0) rest = rest.subarray(this.#deliver(rest));
    if (!this.#failed && rest.length > 0) this.#keep(rest);
  }

  #mayProceed(): boolean {
    return !this.held && this.#large === undefined;
  }

  /** Moves what belongs to the large frame to its place, and delivers it when it is whole. Returns the rest. */
  #fillLarge(chunk: Buffer): Buffer {
    const large = this.#large;
    if (large === undefined || large.filledBytes === large.body.length) return chunk;
    const filledBytes = putInPlace(chunk, large.body, large.filledBytes);
    large.filledBytes += filledBytes;
    this.#deliverLarge();
    return chunk.subarray(filledBytes);
  }

  #deliverLarge(): void {
    const large = this.#large;
    if (large === undefined || large.filledBytes < large.body.length || this.held) return;
    this.#large = undefined;
    const { body, header } = large;
    if (!this.#accept(header, body)) return;
    const isOwned = header.type === FrameType.write;
    this.#delivering = true;
    this.#onFrame({ type: header.type, body, isOwned });
    this.#delivering = false;
    if (!isOwned) this.#memory.give(body);
  }

  /** Is the frame one whose body gets memory of its own? Then `start` is what there is of it. */
  #beginLarge(header: Header, start: Buffer): boolean {
    if (header.bodyBytes < LARGE_BYTES || (header.flags & FLAG_ZSTD) !== 0) return false;
    const body = this.#memory.take(header.bodyBytes, WRITE_HEAD_BYTES);
    this.#large = { header, body, filledBytes: start.copy(body) };
    return true;
  }

  /** Completes the kept frame from `chunk` and delivers it. Returns what of `chunk` was not needed. */
  #completeKept(chunk: Buffer): Buffer {
    let rest = this.#top(chunk, HEADER_BYTES);
    if (this.#keptLength < HEADER_BYTES) return rest;
    const header = this.#header(this.#kept, 0);
    if (header === undefined) return EMPTY;
    const frameBytes = HEADER_BYTES + header.bodyBytes;
    if (this.#beginLarge(header, this.#kept.subarray(HEADER_BYTES, this.#keptLength))) {
      this.#keptLength = 0;
      return rest;
    }
    rest = this.#top(rest, frameBytes);
    if (this.#keptLength < frameBytes) return rest;
    this.#keptLength = 0;
    this.#deliver(this.#kept.subarray(0, frameBytes));
    return rest;
  }

  /** Moves bytes of `chunk` to the kept ones until there are `length` of them. */
  #top(chunk: Buffer, length: number): Buffer {
    const wanted = Math.min(length - this.#keptLength, chunk.length);
    if (wanted <= 0) return chunk;
    this.#grow(length);
    chunk.copy(this.#kept, this.#keptLength, 0, wanted);
    this.#keptLength += wanted;
    return chunk.subarray(wanted);
  }

  #keep(bytes: Buffer): void {
    this.#grow(this.#keptLength + bytes.length);
    bytes.copy(this.#kept, this.#keptLength);
    this.#keptLength += bytes.length;
  }

  #grow(length: number): void {
    if (this.#kept.length >= length) return;
    const larger = Buffer.allocUnsafe(length);
    this.#kept.copy(larger, 0, 0, this.#keptLength);
    this.#kept = larger;
  }

  /** Delivers the whole frames at the front of `bytes`; returns how many bytes they took. */
  #deliver(bytes: Buffer): number {
    let at = 0;
    this.#delivering = true;
    while (!this.held && !this.#failed && bytes.length - at >= HEADER_BYTES) {
      const header = this.#header(bytes, at);
      if (header === undefined) break;
      const end = at + HEADER_BYTES + header.bodyBytes;
      if (end > bytes.length) {
        if (this.#beginLarge(header, bytes.subarray(at + HEADER_BYTES))) at = bytes.length;
        break;
      }
      const body = bytes.subarray(at + HEADER_BYTES, end);
      if (!this.#accept(header, body)) break;
      at = end;
      const plain = this.#plain(header, body);
      if (plain === undefined) break;
      this.#onFrame({ type: header.type, body: plain, isOwned: false });
    }
    this.#delivering = false;
    return at;
  }

  #header(bytes: Buffer, at: number): Header | undefined {
    if (bytes.readUInt32LE(at) !== MAGIC) return this.#fail('this is not a mirror frame');
    if (crc32cOf(bytes, at, at + 28) !== bytes.readUInt32LE(at + 28))
      return this.#fail('a frame header failed its checksum');
    const type = bytes[at + 4] as number;
    const cap = maxBodyBytes(type);
    if (cap === undefined) return this.#fail(`unknown frame type ${type}`);
    const bodyBytes = bytes.readUInt32LE(at + 8);
    if (bodyBytes > cap) return this.#fail(`frame type ${type} with a body of ${bodyBytes} bytes`);
    const flags = bytes[at + 5] as number;
    if ((flags & ~(FLAG_BODY_CRC | FLAG_ZSTD)) !== 0) return this.#fail('reserved header bits are set');
    if (readUint64(bytes, at + 16) !== this.#sequence) return this.#fail('a frame is out of sequence');
    const isWhole = (flags & FLAG_BODY_CRC) !== 0;
    const startBytes = bytes.readUInt16LE(at + 6);
    if (startBytes > (isWhole ? 0 : bodyBytes)) return this.#fail('a checksum of more than the body');
    const session = bytes.readUInt32LE(at + 12);
    if (this.session !== undefined && session !== this.session)
      return this.#fail('a frame of another session');
    return {
      type: type as FrameType,
      flags,
      bodyBytes,
      session,
      bodyCrc: bytes.readUInt32LE(at + 24),
      coveredBytes: isWhole ? bodyBytes : startBytes,
    };
  }

  #plain({ flags, type }: Header, body: Buffer): Buffer | undefined {
    if ((flags & FLAG_ZSTD) === 0) return body;
    try {
      return decompressBody(body, maxBodyBytes(type) ?? 0);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      return this.#fail(error.message);
    }
  }

  #accept(header: Header, body: Buffer): boolean {
    const { coveredBytes, bodyCrc } = header;
    if (bodyCrc !== (coveredBytes === 0 ? 0 : crc32cOf(body, 0, coveredBytes))) {
      this.#fail('a frame body failed its checksum');
      return false;
    }
    this.session ??= header.session;
    this.#sequence += 1;
    return true;
  }

  #fail(reason: string): undefined {
    if (this.#failed) return undefined;
    this.stop();
    this.#onError(new EterneError('protocol', reason));
    return undefined;
  }
}
