/**
 * Replies of one connection, gathered over an event and handed to the stream in few, large pieces. Headers and small read
 * data are copied into a slab, so that 32 replies are one write; large read data goes out as it is, between two slab pieces.
 * The stream owns what it was given until it is sent; only then are slab bytes used again (`startOver`).
 */
import { KIB, assert } from '@eterne/base';
import type { Extent } from '@eterne/runtime';
import type { NbdCommand } from './command.ts';
import {
  ALLOCATION_CONTEXT_ID,
  ALLOCATION_STATUS,
  CHUNK,
  CHUNK_FLAG_DONE,
  CHUNK_HEADER_BYTES,
  ERROR,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
  type NbdErrorName,
} from './wire.ts';

const SLAB_BYTES = 256 * KIB;
/** Up to here copying is cheaper than another piece in the stream's queue. */
const LARGEST_COPY_BYTES = 16 * KIB;

export class ReplyBatch {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #sentTo = 0;
  #filledTo = 0;
  #pieces: Buffer[] = [];

  /** "Simple reply message": success or error of any command except a structured READ or BLOCK_STATUS. */
  simple(command: NbdCommand, error: NbdErrorName | undefined): void {
    const at = this.#reserve(SIMPLE_REPLY_BYTES);
    this.#slab.writeUInt32BE(SIMPLE_REPLY_MAGIC, at);
    this.#slab.writeUInt32BE(error === undefined ? 0 : ERROR[error], at + 4);
    this.#cookie(command, at + 8);
  }

  /** The data of a READ after its simple reply. True: it was copied. */
  simpleData(command: NbdCommand, data: Buffer): boolean {
    this.simple(command, undefined);
    return this.#append(data);
  }

  /** NBD_REPLY_TYPE_OFFSET_DATA: `u64 offset, data`, always the only chunk of its READ. True: it was copied. */
  offsetData(command: NbdCommand, data: Buffer): boolean {
    const at = this.#chunk(command, CHUNK.offsetData, 8 + data.length, 8);
    this.#u64(command.offset, at);
    return this.#append(data);
  }

  /** NBD_REPLY_TYPE_ERROR: `u32 error, u16 message length, message` (none here: the numbers say it all). */
  error(command: NbdCommand, error: NbdErrorName): void {
    const at = this.#chunk(command, CHUNK.error, 6, 6);
    this.#slab.writeUInt32BE(ERROR[error], at);
    this.#slab.writeUInt16BE(0, at + 4);
  }

  /** NBD_REPLY_TYPE_BLOCK_STATUS: `u32 context id, (u32 length, u32 status flags) × extents`. */
  blockStatus(command: NbdCommand, extents: readonly Extent[]): void {
    const payloadBytes = 4 + 8 * extents.length;
    let at = this.#chunk(command, CHUNK.blockStatus, payloadBytes, payloadBytes);
    this.#slab.writeUInt32BE(ALLOCATION_CONTEXT_ID, at);
    for (const { lengthBytes, allocated } of extents) {
      this.#slab.writeUInt32BE(lengthBytes, at + 4);
      this.#slab.writeUInt32BE(allocated ? ALLOCATION_STATUS.data : ALLOCATION_STATUS.hole, at + 8);
      at += 8;
    }
  }

  /** The stream has sent everything that was taken: the next batch begins where this began, in memory that is still in the processor's cache. */
  startOver(): void {
    assert(this.#filledTo === this.#sentTo && this.#pieces.length === 0, 'only between batches');
    this.#sentTo = 0;
    this.#filledTo = 0;
  }

  /** Everything gathered, in order; the batch is empty afterwards. */
  take(): readonly Buffer[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** "Structured reply chunk message" header; returns where the first `inSlabBytes` of its payload go. */
  #chunk(command: NbdCommand, type: number, payloadBytes: number, inSlabBytes: number): number {
    const at = this.#reserve(CHUNK_HEADER_BYTES + inSlabBytes);
    this.#slab.writeUInt32BE(STRUCTURED_REPLY_MAGIC, at);
    this.#slab.writeUInt16BE(CHUNK_FLAG_DONE, at + 4);
    this.#slab.writeUInt16BE(type, at + 6);
    this.#cookie(command, at + 8);
    this.#slab.writeUInt32BE(payloadBytes, at + 16);
    return at + CHUNK_HEADER_BYTES;
  }

  #append(data: Buffer): boolean {
    if (data.length <= LARGEST_COPY_BYTES) {
      const at = this.#reserve(data.length); // may change the slab, hence first
      data.copy(this.#slab, at);
      return true;
    }
    this.#cut();
    this.#pieces.push(data);
    return false;
  }

  #cookie(command: NbdCommand, at: number): void {
    this.#slab.writeUInt32BE(command.cookieHigh, at);
    this.#slab.writeUInt32BE(command.cookieLow, at + 4);
  }

  #u64(value: number, at: number): void {
    this.#slab.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#slab.writeUInt32BE(value % 0x1_0000_0000, at + 4);
  }

  #reserve(lengthBytes: number): number {
    assert(lengthBytes <= SLAB_BYTES, 'a reply piece fits a slab');
    if (this.#filledTo + lengthBytes > SLAB_BYTES) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#sentTo = 0;
      this.#filledTo = 0;
    }
    const at = this.#filledTo;
    this.#filledTo += lengthBytes;
    return at;
  }

  /** Closes the slab piece that is being filled. */
  #cut(): void {
    if (this.#filledTo === this.#sentTo) return;
    this.#pieces.push(this.#slab.subarray(this.#sentTo, this.#filledTo));
    this.#sentTo = this.#filledTo;
  }
}
