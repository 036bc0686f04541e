/** Replies of one connection, gathered over an event (`Gathering`). */
import { Gathering, type Extent } from '@eterne/runtime';
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

export class ReplyBatch {
  readonly #output = new Gathering();

  /** "Simple reply message": success or error of any command except a structured READ or BLOCK_STATUS. */
  simple(command: NbdCommand, error: NbdErrorName | undefined): void {
    const at = this.#output.reserve(SIMPLE_REPLY_BYTES);
    const { slab } = this.#output;
    slab.writeUInt32BE(SIMPLE_REPLY_MAGIC, at);
    slab.writeUInt32BE(error === undefined ? 0 : ERROR[error], at + 4);
    putCookie(slab, command, at + 8);
  }

  /** The data of a READ after its simple reply. True: it was copied. */
  simpleData(command: NbdCommand, data: Buffer): boolean {
    this.simple(command, undefined);
    return this.#output.append(data);
  }

  /** NBD_REPLY_TYPE_OFFSET_DATA: `u64 offset, data`, always the only chunk of its READ. True: it was copied. */
  offsetData(command: NbdCommand, data: Buffer): boolean {
    const at = this.#chunk(command, CHUNK.offsetData, 8 + data.length, 8);
    putU64(this.#output.slab, command.offset, at);
    return this.#output.append(data);
  }

  /** NBD_REPLY_TYPE_ERROR: `u32 error, u16 message length, message` (none here: the numbers say it all). */
  error(command: NbdCommand, error: NbdErrorName): void {
    const at = this.#chunk(command, CHUNK.error, 6, 6);
    const { slab } = this.#output;
    slab.writeUInt32BE(ERROR[error], at);
    slab.writeUInt16BE(0, at + 4);
  }

  /** NBD_REPLY_TYPE_BLOCK_STATUS: `u32 context id, (u32 length, u32 status flags) × extents`. */
  blockStatus(command: NbdCommand, extents: readonly Extent[]): void {
    const payloadBytes = 4 + 8 * extents.length;
    let at = this.#chunk(command, CHUNK.blockStatus, payloadBytes, payloadBytes);
    const { slab } = this.#output;
    slab.writeUInt32BE(ALLOCATION_CONTEXT_ID, at);
    for (const { lengthBytes, allocated } of extents) {
      slab.writeUInt32BE(lengthBytes, at + 4);
      slab.writeUInt32BE(allocated ? ALLOCATION_STATUS.data : ALLOCATION_STATUS.hole, at + 8);
      at += 8;
    }
  }

  /** The stream has sent everything that was taken. */
  startOver(): void {
    this.#output.startOver();
  }

  /** Everything gathered, in order; the batch is empty afterwards. */
  take(): readonly Buffer[] {
    return this.#output.take();
  }

  /** "Structured reply chunk message" header; returns where the first `inSlabBytes` of its payload go. */
  #chunk(command: NbdCommand, type: number, payloadBytes: number, inSlabBytes: number): number {
    const at = this.#output.reserve(CHUNK_HEADER_BYTES + inSlabBytes);
    const { slab } = this.#output;
    slab.writeUInt32BE(STRUCTURED_REPLY_MAGIC, at);
    slab.writeUInt16BE(CHUNK_FLAG_DONE, at + 4);
    slab.writeUInt16BE(type, at + 6);
    putCookie(slab, command, at + 8);
    slab.writeUInt32BE(payloadBytes, at + 16);
    return at + CHUNK_HEADER_BYTES;
  }
}

function putCookie(slab: Buffer, { cookieHigh, cookieLow }: NbdCommand, at: number): void {
  slab.writeUInt32BE(cookieHigh, at);
  slab.writeUInt32BE(cookieLow, at + 4);
}

function putU64(slab: Buffer, value: number, at: number): void {
  slab.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  slab.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}
