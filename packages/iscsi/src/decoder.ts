/**
 * Bytes in, PDUs out. Pure; see `wire.ts` for the layout.
 * ```
 *   header ──48 bytes──▶ rest of header (AHS, digest) ──▶ data (into the owner's memory) ──▶ tail (padding, digest) ──▶ header
 *      └── data segment too long, header digest wrong: failed, for good
 * ```
 * Memory: the header (at most 48 + 1020 + 4 bytes) is ours, the data segment's is taken from the owner only after its length
 * was checked. Nothing of a given chunk is kept.
 */
import { crc32c } from '@eterne/base';
import { BHS_BYTES, DIGEST_BYTES, MAX_AHS_BYTES } from './limits.ts';

export interface DecoderOwner {
  /**
   * Memory for the data segment of the PDU with this header; at least `dataBytes` long. Called only for segments that are
   * not empty and not too long.
   */
  place(header: Buffer, dataBytes: number): Buffer;
  /**
   * A whole PDU: header (BHS and AHS, valid during the call only) and the memory that `place` gave, filled with `dataBytes`.
   * Answers false to be given no more for now.
   */
  onPdu(header: Buffer, data: Buffer, dataBytes: number): boolean;
  /** The data segment does not match its digest; the PDU is dropped, decoding goes on (RFC 7143 §7.8). */
  onDataDigestError(header: Buffer): boolean;
}

export interface Digests {
  readonly header: boolean;
  readonly data: boolean;
}

type State = 'header' | 'extension' | 'data' | 'tail' | 'failed';

const NOTHING = Buffer.alloc(0);

export class PduDecoder {
  readonly #owner: DecoderOwner;
  /** Longest data segment accepted: the MaxRecvDataSegmentLength we declared. */
  #maxDataBytes: number;
  #digests: Digests = { header: false, data: false };
  #state: State = 'header';
  readonly #kept = Buffer.alloc(BHS_BYTES + MAX_AHS_BYTES + DIGEST_BYTES);
  #keptBytes = 0;
  #headerBytes = BHS_BYTES;
  /** BHS and AHS of the PDU being decoded. */
  #header: Buffer = NOTHING;
  #data: Buffer = NOTHING;
  #dataBytes = 0;
  #filledBytes = 0;
  readonly #tail = Buffer.alloc(3 + DIGEST_BYTES);
  #tailBytes = 0;
  #tailFilledBytes = 0;
  #failure = '';

  constructor(owner: DecoderOwner, maxDataBytes: number) {
    this.#owner = owner;
    this.#maxDataBytes = maxDataBytes;
  }

  /** Why nothing more is decoded; empty while all is well. */
  get failure(): string {
    return this.#failure;
  }

  /** After login; takes effect with the next PDU. */
  reconfigure(digests: Digests, maxDataBytes: number): void {
    this.#digests = digests;
    this.#maxDataBytes = maxDataBytes;
  }

  /**
   * Decodes from `chunk`. Returns the bytes consumed: fewer than given only after the owner answered false or the decoder failed;
   * the caller keeps what is left and gives it again.
   */
  decode(chunk: Buffer): number {
    let at = 0;
    this.#wanted = true;
    while (this.#wanted && at < chunk.length && this.#state !== 'failed') at += this.#step(chunk, at);
    return at;
  }

  #wanted = true;

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'header':
        return this.#takeHeader(chunk, at);
      case 'extension': {
        const copied = this.#keep(chunk, at, this.#headerBytes);
        if (this.#keptBytes === this.#headerBytes) this.#headerComplete(this.#kept);
        return copied;
      }
      case 'data': {
        const end = Math.min(chunk.length, at + this.#dataBytes - this.#filledBytes);
        const copied = chunk.copy(this.#data, this.#filledBytes, at, end);
        this.#filledBytes += copied;
        if (this.#filledBytes === this.#dataBytes) this.#dataComplete();
        return copied;
      }
      case 'tail': {
        const end = Math.min(chunk.length, at + this.#tailBytes - this.#tailFilledBytes);
        const copied = chunk.copy(this.#tail, this.#tailFilledBytes, at, end);
        this.#tailFilledBytes += copied;
        if (this.#tailFilledBytes === this.#tailBytes) this.#tailComplete();
        return copied;
      }
      case 'failed':
        return 0;
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    if (this.#keptBytes === 0 && chunk.length - at >= BHS_BYTES) {
      const wanted = this.#wholeHeaderBytes(chunk, at);
      if (wanted === undefined) return 0;
      if (chunk.length - at >= wanted) {
        this.#headerBytes = wanted;
        this.#headerComplete(chunk.subarray(at, at + wanted));
        return wanted;
      }
    }
    const copied = this.#keep(chunk, at, BHS_BYTES);
    if (this.#keptBytes < BHS_BYTES) return copied;
    const wanted = this.#wholeHeaderBytes(this.#kept, 0);
    if (wanted === undefined) return copied;
    this.#headerBytes = wanted;
    if (this.#headerBytes > BHS_BYTES) this.#state = 'extension';
    else this.#headerComplete(this.#kept);
    return copied;
  }

  /** BHS, AHS and digest; undefined after failing, because the data segment would be too long whatever else follows. */
  #wholeHeaderBytes(bytes: Buffer, at: number): number | undefined {
    const dataBytes = bytes.readUIntBE(at + 5, 3);
    if (dataBytes > this.#maxDataBytes) {
      this.#fail(`data segment of ${dataBytes} bytes, ${this.#maxDataBytes} at most`);
      return undefined;
    }
    return BHS_BYTES + bytes.readUInt8(at + 4) * 4 + (this.#digests.header ? DIGEST_BYTES : 0);
  }

  #keep(chunk: Buffer, at: number, upTo: number): number {
    const copied = chunk.copy(
      this.#kept,
      this.#keptBytes,
      at,
      Math.min(chunk.length, at + upTo - this.#keptBytes),
    );
    this.#keptBytes += copied;
    return copied;
  }

  /** `bytes` starts with BHS, AHS and, when agreed on, the header digest. */
  #headerComplete(bytes: Buffer): void {
    const segmentBytes = this.#headerBytes - (this.#digests.header ? DIGEST_BYTES : 0);
    const segments = bytes.subarray(0, segmentBytes);
    if (this.#digests.header && crc32c(segments) !== bytes.readUInt32LE(segmentBytes))
      return this.#fail('header digest error');
    this.#dataBytes = segments.readUIntBE(5, 3);
    if (this.#dataBytes === 0) {
      this.#keptBytes = 0;
      this.#state = 'header';
      this.#wanted = this.#owner.onPdu(segments, NOTHING, 0);
      return;
    }
    this.#header = Buffer.from(segments); // the chunk may end before the data does
    this.#data = this.#owner.place(this.#header, this.#dataBytes);
    this.#filledBytes = 0;
    this.#keptBytes = 0;
    this.#state = 'data';
  }

  #dataComplete(): void {
    const paddingBytes = -this.#dataBytes & 3;
    this.#tailBytes = paddingBytes + (this.#digests.data ? DIGEST_BYTES : 0);
    this.#tailFilledBytes = 0;
    if (this.#tailBytes === 0) this.#emit();
    else this.#state = 'tail';
  }

  #tailComplete(): void {
    if (!this.#digests.data) return this.#emit();
    const paddingBytes = this.#tailBytes - DIGEST_BYTES;
    const ofData = crc32c(this.#data.subarray(0, this.#dataBytes));
    const actual = paddingBytes === 0 ? ofData : crc32c(this.#tail.subarray(0, paddingBytes), ofData);
    if (actual === this.#tail.readUInt32LE(paddingBytes)) return this.#emit();
    this.#state = 'header';
    this.#wanted = this.#owner.onDataDigestError(this.#header);
  }

  #emit(): void {
    const data = this.#data;
    this.#data = NOTHING;
    this.#state = 'header';
    this.#wanted = this.#owner.onPdu(this.#header, data, this.#dataBytes);
  }

  #fail(why: string): void {
    this.#failure = why;
    this.#state = 'failed';
  }
}
