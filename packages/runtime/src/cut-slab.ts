/**
 * Memory for what arrives from a network: payloads of writes, data segments. Allocating one buffer for each 4 KiB write costs more than copying into it, so small ones
 * are cut from slabs. A slab is never used twice: the garbage collector frees it when the last write cut from it is done,
 * whatever the device, a peer's send queue or a journal may still hold of it.
 */
import { KIB, MIB } from '@eterne/base';

const SLAB_BYTES = 1 * MIB;
/** Larger payloads get their own memory, so that one of them does not waste most of a slab. */
const LARGEST_CUT_BYTES = 64 * KIB;
/** Payloads start on these boundaries, which is what direct I/O asks for. */
const ALIGNMENT_BYTES = 512;

export class CutSlab {
  #slab: Buffer | undefined;
  #usedBytes = 0;

  /** Uninitialised memory of exactly this length. */
  take(lengthBytes: number): Buffer {
    if (lengthBytes > LARGEST_CUT_BYTES) return Buffer.allocUnsafeSlow(lengthBytes);
    if (this.#slab === undefined || this.#usedBytes + lengthBytes > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#usedBytes = 0;
    }
    const start = this.#usedBytes;
    this.#usedBytes += Math.ceil(lengthBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    return this.#slab.subarray(start, start + lengthBytes);
  }
}
