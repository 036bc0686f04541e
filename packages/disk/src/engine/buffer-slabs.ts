import { KIB, MIB, assert } from '@eterne/base';
import { pageAligned } from '@eterne/runtime/node/native.ts';

const SLAB_BYTES = 512 * KIB;
const MAX_SHARED_BYTES = 32 * KIB;
/** Small buffers begin on these boundaries, which is what direct I/O asks for. */
const ALIGNMENT_BYTES = 512;
/** Large buffers have a power of two, and before and behind it this much: data with its header in front still fits, and begins on a page. */
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
 *
 * Data lies on pages, as it does in the page cache: copies between two places that are a few bytes apart within their pages take up to twice as long
 * (`docs/internals/performance.md`).
 */
export class BufferSlabs {
  /** For tests and the simulator: a use after giving back shows up as wrong data. */
  static poisons = false;
  #slab = makeSlab();
  readonly #slabs = new WeakMap<ArrayBufferLike, Slab>([[this.#slab.memory.buffer, this.#slab]]);
  readonly #freeSlabs: Slab[] = [];
  readonly #large = new WeakMap<ArrayBufferLike, Buffer>();
  /** Large buffers given back, by capacity. */
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;

  /** Uninitialised memory of exactly this length. Where it is large, `headBytes` of it lie before a page: what comes behind them begins on one. */
  take(lengthBytes: number, headBytes = 0): Buffer {
    if (lengthBytes > MAX_SHARED_BYTES) return this.#takeLarge(lengthBytes, headBytes);
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
    const large = slab === undefined ? this.#large.get(memory) : undefined;
    if (slab === undefined && large === undefined) return;
    if (BufferSlabs.poisons) taken.fill(POISON);
    if (slab !== undefined) this.#giveCut(slab);
    else if (large !== undefined) this.#giveLarge(large);
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

  #takeLarge(lengthBytes: number, headBytes: number): Buffer {
    assert(headBytes <= HEAD_ROOM_BYTES, 'a head fits the room before the data');
    const capacity = 2 ** Math.ceil(Math.log2(lengthBytes - HEAD_ROOM_BYTES)) + 2 * HEAD_ROOM_BYTES;
    const start = HEAD_ROOM_BYTES - headBytes;
    return this.#largeOf(capacity).subarray(start, start + lengthBytes);
  }

  #largeOf(capacity: number): Buffer {
    const free = this.#free.get(capacity)?.pop();
    if (free !== undefined) {
      this.#freeBytes -= capacity;
      return free;
    }
    const memory = pageAligned(capacity);
    this.#large.set(memory.buffer, memory);
    return memory;
  }

  #giveLarge(memory: Buffer): void {
    const capacity = memory.length;
    if (this.#freeBytes + capacity > MAX_FREE_BYTES) return;
    this.#freeBytes += capacity;
    const free = this.#free.get(capacity);
    if (free === undefined) this.#free.set(capacity, [memory]);
    else free.push(memory);
  }
}

function makeSlab(): Slab {
  return { memory: pageAligned(SLAB_BYTES), usedBytes: 0, cuts: 0 };
}
