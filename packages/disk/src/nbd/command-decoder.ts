/**
 * Transmission bytes in, commands out. Pure; see `wire.ts` for the layout.
 * ```
 *            ┌──────────────── payload complete ──────────────┐
 *   header ──┴─WRITE──▶ payload ──────────────────────────────┴──▶ header
 *      │ └──WRITE beyond the maximum──▶ skipping (nothing kept) ──▶ header
 *      └──wrong magic──▶ failed, for good
 * ```
 */
import type { NbdCommand } from './command.ts';
import { MAX_TRANSFER_BYTES } from './limits.ts';
import { KIB } from '@eterne/base';
import { putInPlace } from '../protocol/put-in-place.ts';
import type { BufferSlabs } from '../engine/buffer-slabs.ts';
import { COMMAND, REQUEST_HEADER_BYTES, REQUEST_MAGIC } from './wire.ts';

/** Takes a command; answers false to be given no more for now. */
export type CommandSink = (command: NbdCommand) => boolean;

type State =
  | { readonly kind: 'header' }
  | { readonly kind: 'payload'; readonly command: NbdCommand; readonly payload: Buffer; filledBytes: number }
  | { readonly kind: 'skipping'; readonly command: NbdCommand; leftBytes: number }
  | { readonly kind: 'failed' };

/** For less the read that brings the rest had better bring the next requests, too. */
const LEAST_ROOM_BYTES = 16 * KIB;

const HEADER: State = { kind: 'header' };
const U32 = 0x1_0000_0000;

export class CommandDecoder {
  readonly #memory: BufferSlabs;
  readonly #partialHeader = Buffer.alloc(REQUEST_HEADER_BYTES);
  #partialHeaderBytes = 0;
  #state: State = HEADER;
  #completed: NbdCommand | undefined;

  constructor(memory: BufferSlabs) {
    this.#memory = memory;
  }

  /** Where the rest of a large payload belongs. */
  get room(): Buffer | undefined {
    const { kind } = this.#state;
    if (kind !== 'payload') return undefined;
    const { filledBytes, payload } = this.#state;
    return payload.length - filledBytes < LEAST_ROOM_BYTES ? undefined : payload.subarray(filledBytes);
  }

  get failed(): boolean {
    return this.#state.kind === 'failed';
  }

  /**
   * Decodes from `chunk`, which is not kept: payloads are copied, unless they came into `room`. Returns the bytes consumed, fewer than given only
   * after the sink answered false or the decoder failed; the caller keeps what is left and gives it again.
   */
  decode(chunk: Buffer, sink: CommandSink): number {
    let at = 0;
    let wanted = true;
    while (wanted && at < chunk.length && this.#state.kind !== 'failed') {
      at += this.#step(this.#state, chunk, at);
      const command = this.#completed;
      this.#completed = undefined;
      if (command !== undefined) wanted = sink(command);
    }
    return at;
  }

  /** One transition; returns the bytes it consumed and leaves a finished command in `#completed`. */
  #step(state: Exclude<State, { kind: 'failed' }>, chunk: Buffer, at: number): number {
    switch (state.kind) {
      case 'header':
        return this.#header(chunk, at);
      case 'payload': {
        const copiedBytes = putInPlace(chunk.subarray(at), state.payload, state.filledBytes);
        state.filledBytes += copiedBytes;
        if (state.filledBytes === state.payload.length) this.#complete(state.command);
        return copiedBytes;
      }
      case 'skipping': {
        const skippedBytes = Math.min(state.leftBytes, chunk.length - at);
        state.leftBytes -= skippedBytes;
        if (state.leftBytes === 0) this.#complete(state.command);
        return skippedBytes;
      }
    }
  }

  #header(chunk: Buffer, at: number): number {
    if (this.#partialHeaderBytes === 0 && chunk.length - at >= REQUEST_HEADER_BYTES) {
      this.#begin(this.#parse(chunk, at));
      return REQUEST_HEADER_BYTES;
    }
    const copiedBytes = chunk.copy(this.#partialHeader, this.#partialHeaderBytes, at);
    this.#partialHeaderBytes += copiedBytes;
    if (this.#partialHeaderBytes === REQUEST_HEADER_BYTES) {
      this.#partialHeaderBytes = 0;
      this.#begin(this.#parse(this.#partialHeader, 0));
    }
    return copiedBytes;
  }

  /** Undefined when these bytes are no request. */
  #parse(bytes: Buffer, at: number): NbdCommand | undefined {
    if (bytes.readUInt32BE(at) !== REQUEST_MAGIC) return undefined;
    const type = bytes.readUInt16BE(at + 6);
    const lengthBytes = bytes.readUInt32BE(at + 24);
    return {
      flags: bytes.readUInt16BE(at + 4),
      type,
      cookieHigh: bytes.readUInt32BE(at + 8),
      cookieLow: bytes.readUInt32BE(at + 12),
      // Beyond 2^53 the sum is not exact, but then it is past the end of every device, which is all that is asked of it.
      offset: bytes.readUInt32BE(at + 16) * U32 + bytes.readUInt32BE(at + 20),
      lengthBytes,
      payload:
        type === COMMAND.write && lengthBytes <= MAX_TRANSFER_BYTES
          ? this.#memory.take(lengthBytes)
          : undefined,
    };
  }

  #begin(command: NbdCommand | undefined): void {
    if (command === undefined) this.#state = { kind: 'failed' };
    else if (command.type !== COMMAND.write || command.lengthBytes === 0) this.#completed = command;
    else if (command.payload === undefined)
      this.#state = { kind: 'skipping', command, leftBytes: command.lengthBytes };
    else this.#state = { kind: 'payload', command, payload: command.payload, filledBytes: 0 };
  }

  #complete(command: NbdCommand): void {
    this.#state = HEADER;
    this.#completed = command;
  }
}
