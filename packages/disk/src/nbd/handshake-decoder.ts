/** Negotiation bytes in, client flags and options out. Pure; see `wire.ts` for the layouts. */
import { MAX_OPTION_BYTES } from './limits.ts';
import { CLIENT_FLAGS_BYTES, OPTION_HEADER_BYTES, OPTION_MAGIC } from './wire.ts';

export type HandshakeEvent =
  | { readonly kind: 'client-flags'; readonly flags: number }
  | { readonly kind: 'option'; readonly option: number; readonly data: Buffer }
  /** The client does not speak the protocol. Every later call answers the same. */
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Holds at most one unfinished option beside what the last `push` brought. After `failed` it stays failed.
 * What follows the last option taken belongs to the transmission phase: `rest`.
 */
export class HandshakeDecoder {
  #pending: Buffer = Buffer.alloc(0);
  #flagsSeen = false;
  #failure: string | undefined;

  /** Copies `chunk`. Drain with `next` until it answers undefined before pushing again. */
  push(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
  }

  next(): HandshakeEvent | undefined {
    if (this.#failure !== undefined) return { kind: 'failed', reason: this.#failure };
    return this.#flagsSeen ? this.#nextOption() : this.#nextFlags();
  }

  rest(): Buffer {
    const rest = this.#pending;
    this.#pending = Buffer.alloc(0);
    return rest;
  }

  #nextFlags(): HandshakeEvent | undefined {
    if (this.#pending.length < CLIENT_FLAGS_BYTES) return undefined;
    this.#flagsSeen = true;
    return { kind: 'client-flags', flags: this.#take(CLIENT_FLAGS_BYTES).readUInt32BE(0) };
  }

  #nextOption(): HandshakeEvent | undefined {
    const pending = this.#pending;
    const magicBytes = Math.min(pending.length, OPTION_MAGIC.length);
    if (pending.compare(OPTION_MAGIC, 0, magicBytes, 0, magicBytes) !== 0)
      return this.#fail('an option does not begin with IHAVEOPT');
    if (pending.length < OPTION_HEADER_BYTES) return undefined;
    const lengthBytes = pending.readUInt32BE(12);
    if (lengthBytes > MAX_OPTION_BYTES) return this.#fail(`an option of ${lengthBytes} bytes`);
    if (pending.length < OPTION_HEADER_BYTES + lengthBytes) return undefined;
    const option = pending.readUInt32BE(8);
    return {
      kind: 'option',
      option,
      data: this.#take(OPTION_HEADER_BYTES + lengthBytes).subarray(OPTION_HEADER_BYTES),
    };
  }

  #take(lengthBytes: number): Buffer {
    const taken = this.#pending.subarray(0, lengthBytes);
    this.#pending = this.#pending.subarray(lengthBytes);
    return taken;
  }

  #fail(reason: string): HandshakeEvent {
    this.#failure = reason;
    return { kind: 'failed', reason };
  }
}
