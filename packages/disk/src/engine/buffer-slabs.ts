const SLAB_BYTES = 256 * 1024;
const MAX_SHARED_BYTES = 32 * 1024;

/**
 * Memory for short-lived small buffers, cut from slabs that the garbage collector frees when the last view is gone. Allocating 4 KiB
 * each by itself costs more than reading them.
 */
export class BufferSlabs {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  take(lengthBytes: number): Buffer {
    if (lengthBytes > MAX_SHARED_BYTES) return Buffer.allocUnsafeSlow(lengthBytes);
    if (this.#used + lengthBytes > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    this.#used += lengthBytes;
    return this.#slab.subarray(this.#used - lengthBytes, this.#used);
  }

  copyOf(bytes: Buffer): Buffer {
    const copy = this.take(bytes.length);
    bytes.copy(copy);
    return copy;
  }
}
