import { KIB, MIB, assert } from '@eterne/base';

const SLAB_BYTES = 512 * KIB;
const MAX_SHARED_BYTES = 32 * KIB;
/** Small buffers begin on these boundaries, which is what direct I/O asks for. */
const ALIGNMENT_BYTES = 512;
/** Large buffers have a power of two and this much: data with its header in front still fits. */
const HEAD_ROOM_BYTES = 4 * KIB;
/** Memory kept for the next taker, of slabs and of large buffers each. */
const MAX_FREE_BYTES = 32 * MIB;
/** What memory that was given back is overwritten with where `poisons` is set. */
const POISON = 0xdd;

interface Slab {
  readonly memory: Buffer;
  usedBytes: number;
  /** Buffers cut from it and not given back. */
  cuts: number;
}

/**
 * Memory for what passes through: payloads, replies, blocks being compared. Buffers that nobody keeps cost the garbage collector a full
 * round for every 64 MiB of them, which at 1 GB/s is most of a processor; so they are given back and used again.
 *
 * Small ones are cut from slabs, and a slab is used again when all that was cut from it has been given back. Whoever cannot be sure that nothing
 * refers to a buffer any more (a store that hangs, the stream of a lost peer) does not give it back: the garbage collector looks after it.
 */
export class BufferSlabs {
  /** For tests and the simulator: a use after giving back shows up as wrong data. */
  static poisons = false;
  #slab = makeSlab();
  readonly #slabs = new WeakMap<ArrayBufferLike, Slab>([[this.#slab.memory.buffer, this.#slab]]);
  readonly #freeSlabs: Slab[] = [];
  readonly #large = new WeakSet<ArrayBufferLike>();
  /** Large buffers given back, by capacity. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  /** Uninitialised memory of exactly this length. */
  take(lengthBytes: number): Buffer {
    if (lengthBytes > MAX_SHARED_BYTES) return this.#takeLarge(lengthBytes);
    if (this.#slab.usedBytes + lengthBytes > SLAB_BYTES) this.#slab = this.#nextSlab();
    const slab = this.#slab;
    const start = slab.usedBytes;
    slab.usedBytes += Math.ceil(lengthBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    slab.cuts += 1;
    return slab.memory.subarray(start, start + lengthBytes);
  }

  copyOf(bytes: Buffer): Buffer {
    const copy = this.take(bytes.length);
    bytes.copy(copy);
    return copy;
  }

  /** Nobody uses `taken` any more, or the buffer that it is a part of. At most once; ignored unless it came from `take`. */
  give(taken: Buffer): void {
    const memory = taken.buffer;
    const slab = this.#slabs.get(memory);
    if (slab === undefined && !this.#large.has(memory)) return;
    if (BufferSlabs.poisons) taken.fill(POISON);
    if (slab === undefined) this.#giveLarge(memory as ArrayBuffer);
    else this.#giveCut(slab);
  }

  #giveCut(slab: Slab): void {
    slab.cuts -= 1;
    assert(slab.cuts >= 0, 'memory is given back once');
    if (slab.cuts > 0) return;
    slab.usedBytes = 0;
    if (slab !== this.#slab && this.#freeSlabs.length * SLAB_BYTES < MAX_FREE_BYTES)
      this.#freeSlabs.push(slab);
  }

  #nextSlab(): Slab {
    const free = this.#freeSlabs.pop();
    if (free !== undefined) return free;
    const slab = makeSlab();
    this.#slabs.set(slab.memory.buffer, slab);
    return slab;
  }

  #takeLarge(lengthBytes: number): Buffer {
    const capacity = 2 ** Math.ceil(Math.log2(lengthBytes - HEAD_ROOM_BYTES)) + HEAD_ROOM_BYTES;
    const free = this.#free.get(capacity)?.pop();
    if (free !== undefined) {
      this.#freeBytes -= capacity;
      return Buffer.from(free, 0, lengthBytes);
    }
    const memory = Buffer.allocUnsafeSlow(capacity).buffer;
    this.#large.add(memory);
    return Buffer.from(memory, 0, lengthBytes);
  }

  #giveLarge(memory: ArrayBuffer): void {
    const capacity = memory.byteLength;
    if (this.#freeBytes + capacity > MAX_FREE_BYTES) return;
    this.#freeBytes += capacity;
    const free = this.#free.get(capacity);
    if (free === undefined) this.#free.set(capacity, [memory]);
    else free.push(memory);
  }
}

function makeSlab(): Slab {
  return { memory: Buffer.allocUnsafeSlow(SLAB_BYTES), usedBytes: 0, cuts: 0 };
}
