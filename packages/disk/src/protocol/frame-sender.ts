import { assert, crc32c, crc32cOf } from '@eterne/base';
import { writeVector, type Stream, type Timers } from '@eterne/runtime';
import { compressBody } from './compression.ts';
import { HEADER_BYTES, encodeHeader, type BodyCrc, type FrameType } from './wire.ts';

const SLAB_BYTES = 512 * 1024;
/** Payloads up to this are copied behind their header, always: a copy is cheaper than one more piece in the vector. */
export const COPY_MAX_BYTES = 32 * 1024;
/** With so much gathered, the batch leaves before the event ends, so that the wire does not idle. */
const EARLY_BYTES = 256 * 1024;
const FREE_SLABS_MAX = 4;

export interface FrameOptions {
  /** Data goes out as zstd frames where that makes it smaller. */
  readonly compresses: boolean;
  /** The checksum of a body covers its data too, not only what stands before it. */
  readonly checksData: boolean;
}

/**
 * Gathers the frames of one event into one write. Frames are built in place: `begin`, fill `slab` from the
 * returned position, `end`. Slabs are reused once the stream has given everything to the kernel.
 */
export class FrameSender {
  slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  readonly #stream: Stream;
  readonly #timers: Timers;
  readonly #session: number;
  readonly #options: FrameOptions;
  #sequence = 0;
  #used = 0;
  /** Start of the slab's part that is not yet among `#pieces`. */
  #pieceFrom = 0;
  #frameAt = -1;
  #type: FrameType = 1;
  #fixedBytes = 0;
  #pieces: Buffer[] = [];
  #gatheredBytes = 0;
  #scheduled = false;
  #closed = false;
  /** Full slabs with frames of the batch being gathered. */
  readonly #filled: Buffer[] = [];
  /** Full slabs whose bytes the stream may still own. */
  #lent: Buffer[] = [];
  readonly #free: Buffer[] = [];

  constructor(stream: Stream, timers: Timers, session: number, options: FrameOptions) {
    this.#stream = stream;
    this.#timers = timers;
    this.#session = session;
    this.#options = options;
  }

  /** Bytes not yet given to the kernel. */
  get bufferedBytes(): number {
    return this.#gatheredBytes + this.#stream.bufferedBytes;
  }

  /** Starts a frame whose body begins with `fixedBytes` bytes; returns where in `slab` they go. */
  begin(type: FrameType, fixedBytes: number): number {
    assert(this.#frameAt < 0, 'frames are built one at a time');
    this.#reserve(HEADER_BYTES + fixedBytes);
    this.#frameAt = this.#used;
    this.#type = type;
    this.#fixedBytes = fixedBytes;
    return this.#used + HEADER_BYTES;
  }

  /** Ends the frame. The caller must not change a `payload` until the stream has sent it or is destroyed. */
  end(payload?: Buffer): void {
    assert(this.#frameAt >= 0, 'a frame was begun');
    const bodyAt = this.#frameAt + HEADER_BYTES;
    if (payload !== undefined && this.#options.compresses) {
      const packed = compressBody(this.slab.subarray(bodyAt, bodyAt + this.#fixedBytes), payload);
      if (packed !== undefined) return this.#endPacked(packed);
    }
    const fixedEnd = bodyAt + this.#fixedBytes;
    const bodyBytes = this.#fixedBytes + (payload?.length ?? 0);
    let value = this.#fixedBytes === 0 ? 0 : crc32cOf(this.slab, bodyAt, fixedEnd);
    if (payload !== undefined && this.#options.checksData) value = crc32c(payload, value);
    const coveredBytes = this.#options.checksData ? bodyBytes : this.#fixedBytes;
    this.#header(bodyBytes, { value, coveredBytes }, false);
    this.#used = fixedEnd;
    if (payload !== undefined) this.#append(payload);
    this.#ended(bodyBytes);
  }

  /** The frame's body, the fixed part included, is `packed`. */
  #endPacked(packed: Buffer): void {
    this.#header(packed.length, { value: crc32c(packed), coveredBytes: packed.length }, true);
    this.#used = this.#frameAt + HEADER_BYTES;
    this.#append(packed);
    this.#ended(packed.length);
  }

  #header(bodyBytes: number, crc: BodyCrc, isCompressed: boolean): void {
    const { slab } = this;
    encodeHeader(
      slab,
      this.#frameAt,
      this.#type,
      bodyBytes,
      this.#session,
      this.#sequence,
      crc,
      isCompressed,
    );
  }

  #ended(bodyBytes: number): void {
    this.#sequence += 1;
    this.#frameAt = -1;
    this.#gatheredBytes += HEADER_BYTES + bodyBytes;
    if (this.#gatheredBytes >= EARLY_BYTES) this.flush();
    else this.#schedule();
  }

  /** A whole frame from an encoded body. */
  send(type: FrameType, body: Buffer): void {
    const at = this.begin(type, body.length);
    body.copy(this.slab, at);
    this.end();
  }

  /** Hands everything gathered to the stream now. */
  flush(): void {
    this.#cutPiece();
    if (this.#pieces.length === 0) return;
    if (this.#stream.bufferedBytes === 0) this.#reclaim();
    if (!this.#closed) writeVector(this.#stream, this.#pieces);
    this.#pieces = [];
    this.#gatheredBytes = 0;
    if (this.#filled.length > 0) this.#lent.push(...this.#filled.splice(0));
    if (this.#stream.bufferedBytes === 0) this.#startOver();
    // A stream that is never idle would keep them all; the oldest are left to the garbage collector.
    else if (this.#lent.length > FREE_SLABS_MAX) this.#lent.splice(0, this.#lent.length - FREE_SLABS_MAX);
  }

  close(): void {
    this.#closed = true;
  }

  #append(payload: Buffer): void {
    if (payload.length <= COPY_MAX_BYTES) {
      this.#reserve(payload.length);
      payload.copy(this.slab, this.#used);
      this.#used += payload.length;
      return;
    }
    this.#cutPiece();
    this.#pieces.push(payload);
  }

  #cutPiece(): void {
    if (this.#used === this.#pieceFrom) return;
    this.#pieces.push(this.slab.subarray(this.#pieceFrom, this.#used));
    this.#pieceFrom = this.#used;
  }

  #reserve(bytes: number): void {
    assert(bytes <= SLAB_BYTES, 'a frame head fits a slab');
    if (this.#used + bytes <= this.slab.length) return;
    this.#cutPiece();
    this.#filled.push(this.slab);
    this.slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#used = 0;
    this.#pieceFrom = 0;
  }

  /** The stream has nothing left of the batches before: every slab lent with them is ours again. */
  #reclaim(): void {
    for (const slab of this.#lent) if (this.#free.length < FREE_SLABS_MAX) this.#free.push(slab);
    this.#lent = [];
  }

  /** Nor of this one: the next begins where this began, in memory that is still in the processor's cache. */
  #startOver(): void {
    this.#reclaim();
    this.#used = 0;
    this.#pieceFrom = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.afterEvent(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
