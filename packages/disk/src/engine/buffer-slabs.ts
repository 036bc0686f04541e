const SLAB_BYTES = 256 * 1024;
const MAX_SHARED_BYTES = 32 * 1024;
/** Returned large buffers that are kept for the next taker, per size. */
const MAX_FREE_BYTES = 16 * 1024 * 1024;

/**
 * Memory for short-lived buffers. Small ones are cut from slabs that the garbage collector frees when the last view is gone:
 * allocating 4 KiB each by itself costs more than reading them. Large ones may be given back.
 */
export class BufferSlabs {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  /** Large buffers by capacity, a power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();

  take(lengthBytes: number): Buffer {
    if (lengthBytes > MAX_SHARED_BYTES) return this.#takeLarge(lengthBytes);
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

  /** Nobody uses `taken`, which came from `take`, any more. Small ones need not be given back. */
  give(taken: Buffer): void {
    if (taken.length <= MAX_SHARED_BYTES) return;
    const memory = taken.buffer as ArrayBuffer;
    const free = this.#freeOf(memory.byteLength);
    if ((free.length + 1) * memory.byteLength <= MAX_FREE_BYTES) free.push(memory);
  }

  #takeLarge(lengthBytes: number): Buffer {
    const capacity = 2 ** Math.ceil(Math.log2(lengthBytes));
    const memory = this.#freeOf(capacity).pop() ?? Buffer.allocUnsafeSlow(capacity).buffer;
    return Buffer.from(memory, 0, lengthBytes);
  }

  #freeOf(capacity: number): ArrayBuffer[] {
    let free = this.#free.get(capacity);
    if (free === undefined) this.#free.set(capacity, (free = []));
    return free;
  }
}
