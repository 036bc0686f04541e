/**
 * Output of one connection, gathered over an event to be handed to the stream in few, large pieces. Headers and short data are copied into a slab, so that
 * 32 answers are one write; long data goes out as it is, between two pieces of the slab. The stream owns what it was given until it is sent; only
 * then are the slab's bytes used again (`startOver`).
 */
import { KIB, assert } from '@eterne/base';

const SLAB_BYTES = 256 * KIB;
/** Up to here copying is cheaper than another piece in the stream's queue. */
const LARGEST_COPY_BYTES = 16 * KIB;

export class Gathering {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #sentTo = 0;
  #filledTo = 0;
  #pieces: Buffer[] = [];
  #gatheredBytes = 0;

  /** Where `reserve` has made room; another one after each `reserve` that did not fit. */
  get slab(): Buffer {
    return this.#slab;
  }

  get isEmpty(): boolean {
    return this.#gatheredBytes === 0;
  }

  /** Bytes since the last `take`. */
  get gatheredBytes(): number {
    return this.#gatheredBytes;
  }

  /** Room for bytes that come next, to be filled before `take`; returns where in `slab`. */
  reserve(lengthBytes: number): number {
    assert(lengthBytes <= SLAB_BYTES, 'what is written in place fits a slab');
    if (this.#filledTo + lengthBytes > SLAB_BYTES) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#sentTo = 0;
      this.#filledTo = 0;
    }
    const at = this.#filledTo;
    this.#filledTo += lengthBytes;
    this.#gatheredBytes += lengthBytes;
    return at;
  }

  /** True: `data` was copied. Otherwise it must not change until the stream has sent it. */
  append(data: Buffer): boolean {
    if (data.length <= LARGEST_COPY_BYTES) {
      const at = this.reserve(data.length); // may change the slab, hence first
      data.copy(this.#slab, at);
      return true;
    }
    this.#cut();
    this.#pieces.push(data);
    this.#gatheredBytes += data.length;
    return false;
  }

  /** Everything gathered, in order; nothing is left afterwards. */
  take(): readonly Buffer[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#gatheredBytes = 0;
    return pieces;
  }

  /** The stream has sent everything that was taken: what comes next begins where this began, in memory that is still in the processor's cache. */
  startOver(): void {
    assert(this.isEmpty, 'only what was taken can have been sent');
    this.#sentTo = 0;
    this.#filledTo = 0;
  }

  /** Closes the slab's piece that is being filled. */
  #cut(): void {
    if (this.#filledTo === this.#sentTo) return;
    this.#pieces.push(this.#slab.subarray(this.#sentTo, this.#filledTo));
    this.#sentTo = this.#filledTo;
  }
}
