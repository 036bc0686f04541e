/**
 * The activity log's table in memory: slots, a hash from extent to slot, least-recently-used order. Pure; typed arrays only, so
 * that the write path allocates nothing. Life of a slot:
 *
 *     free ── assign ──▶ activating ── transaction durable ──▶ hot ── evict ──▶ (assigned to another extent)
 *
 * A slot is hot once the transaction that assigned it (`activatedBy`) is durable.
 */
import { assert } from '@eterne/base';

const NONE = -1;

export class HotSet {
  readonly slotCount: number;
  readonly #extentOf: Int32Array;
  readonly #inFlight: Int32Array;
  readonly #lastEpoch: Float64Array;
  readonly #activatedBy: Float64Array;
  /** Slot of each hash bucket; linear probing, at most a quarter full. */
  readonly #buckets: Int32Array;
  readonly #bucketMask: number;
  /** Doubly linked recency list over the used slots. */
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #newest = NONE;
  #oldest = NONE;
  #used = 0;

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    this.#extentOf = new Int32Array(slotCount).fill(NONE);
    this.#inFlight = new Int32Array(slotCount);
    this.#lastEpoch = new Float64Array(slotCount).fill(NONE);
    this.#activatedBy = new Float64Array(slotCount);
    const bucketCount = 2 ** Math.ceil(Math.log2(slotCount * 4));
    this.#buckets = new Int32Array(bucketCount).fill(NONE);
    this.#bucketMask = bucketCount - 1;
    this.#older = new Int32Array(slotCount).fill(NONE);
    this.#newer = new Int32Array(slotCount).fill(NONE);
  }

  get usedCount(): number {
    return this.#used;
  }

  /** The extent in `slot`, undefined when free. */
  extentAt(slot: number): number | undefined {
    const extent = this.#extentOf[slot] as number;
    return extent === NONE ? undefined : extent;
  }

  /** The slot of `extent`, −1 when it has none. */
  slotOf(extent: number): number {
    let bucket = this.#home(extent);
    for (;;) {
      const slot = this.#buckets[bucket] as number;
      if (slot === NONE || this.#extentOf[slot] === extent) return slot;
      bucket = (bucket + 1) & this.#bucketMask;
    }
  }

  isHot(slot: number, durableSequence: number): boolean {
    return (this.#activatedBy[slot] as number) <= durableSequence;
  }

  activatedBy(slot: number): number {
    return this.#activatedBy[slot] as number;
  }

  /** One more write in flight; the slot becomes the most recently used. */
  pin(slot: number): void {
    this.#inFlight[slot] = (this.#inFlight[slot] as number) + 1;
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#linkNewest(slot);
  }

  unpin(slot: number, epoch: number): void {
    const left = (this.#inFlight[slot] as number) - 1;
    assert(left >= 0, 'released as often as touched');
    this.#inFlight[slot] = left;
    // A secondary's writes, and those of an ended term, may come back with an older epoch than a later write of the extent.
    this.#lastEpoch[slot] = Math.max(epoch, this.#lastEpoch[slot] as number);
  }

  /** Puts `extent` (which has no slot) into a free slot, else into one that may be evicted; −1 when there is none. */
  assign(extent: number, sequence: number, flushedEpoch: number): number {
    const slot = this.#used < this.slotCount ? this.#used : this.#evict(flushedEpoch);
    if (slot === NONE) return NONE;
    if (slot === this.#used) this.#used += 1;
    this.#extentOf[slot] = extent;
    this.#lastEpoch[slot] = NONE;
    this.#activatedBy[slot] = sequence;
    this.#insertIntoBuckets(extent, slot);
    this.#linkNewest(slot);
    return slot;
  }

  /** Would a flush now let some extent leave? */
  flushWouldHelp(flushedEpoch: number): boolean {
    for (let slot = this.#oldest; slot !== NONE; slot = this.#newer[slot] as number)
      if (this.#inFlight[slot] === 0 && (this.#lastEpoch[slot] as number) > flushedEpoch) return true;
    return false;
  }

  /** Nothing is in flight and everything released is flushed. */
  isSettled(flushedEpoch: number): boolean {
    for (let slot = 0; slot < this.#used; slot += 1)
      if (this.#inFlight[slot] !== 0 || (this.#lastEpoch[slot] as number) > flushedEpoch) return false;
    return true;
  }

  /** Frees the least recently used slot that may leave. */
  #evict(flushedEpoch: number): number {
    for (let slot = this.#oldest; slot !== NONE; slot = this.#newer[slot] as number) {
      if (this.#inFlight[slot] !== 0 || (this.#lastEpoch[slot] as number) > flushedEpoch) continue;
      this.#removeFromBuckets(this.#extentOf[slot] as number);
      this.#unlink(slot);
      return slot;
    }
    return NONE;
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot] as number;
    const newer = this.#newer[slot] as number;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #home(extent: number): number {
    return (Math.imul(extent, 0x9e37_79b1) >>> 7) & this.#bucketMask;
  }

  #insertIntoBuckets(extent: number, slot: number): void {
    let bucket = this.#home(extent);
    while (this.#buckets[bucket] !== NONE) bucket = (bucket + 1) & this.#bucketMask;
    this.#buckets[bucket] = slot;
  }

  /** Deletes by shifting later members of the probe run back (Knuth, TAOCP 6.4, algorithm R). */
  #removeFromBuckets(extent: number): void {
    let hole = this.#home(extent);
    while (this.#extentOf[this.#buckets[hole] as number] !== extent) hole = (hole + 1) & this.#bucketMask;
    for (let bucket = (hole + 1) & this.#bucketMask; ; bucket = (bucket + 1) & this.#bucketMask) {
      const slot = this.#buckets[bucket] as number;
      if (slot === NONE) break;
      const home = this.#home(this.#extentOf[slot] as number);
      const mayMove = ((bucket - home) & this.#bucketMask) >= ((bucket - hole) & this.#bucketMask);
      if (!mayMove) continue;
      this.#buckets[hole] = slot;
      hole = bucket;
    }
    this.#buckets[hole] = NONE;
  }
}
