import { assert } from '@eterne/base';
import { Chain, type Place } from './chain.ts';

/** A wish to have a byte range for oneself. Objects are reused by nobody: one per operation. */
export interface RangeLock {
  readonly offset: number;
  readonly lengthBytes: number;
  /** Owned by `RangeLocks`: earlier overlapping locks that must go first, later ones that wait for this, and where it stands among all. */
  blockers: number;
  waiters: RangeLock[] | undefined;
  place?: Place<RangeLock> | undefined;
  /** Called when the range is free, unless `acquire` already said so. */
  granted(): void;
}

/** Tells whether somebody wanted to lock anything in the range since the watch began. */
export interface RangeWatch {
  readonly offset: number;
  readonly lengthBytes: number;
  touched: boolean;
}

const GRANULE_BYTES = 64 * 1024;
const COUNTERS = 4096;
/** Longer locks are not spread over the counters; while there is one, every request looks through the whole list. */
const MAX_SPREAD_GRANULES = 32;

/**
 * Overlapping operations one after the other, in order of arrival; disjoint ones at once. Counters per 64 KiB granule answer the common
 * case, no overlap, without looking at other locks (a false alarm costs a look, never order).
 */
export class RangeLocks {
  readonly #all = new Chain<RangeLock>();
  readonly #counters = new Uint16Array(COUNTERS);
  #longLocks = 0;
  readonly #watches = new Set<RangeWatch>();
  readonly #ready: RangeLock[] = [];
  #granting = false;

  /** Locks held and waited for. */
  get size(): number {
    return this.#all.size;
  }

  /** True: the range is the caller's now. False: `granted` will be called. Either way `release` must follow. */
  acquire(lock: RangeLock): boolean {
    assert(lock.lengthBytes > 0, 'a lock covers something');
    if (this.#watches.size > 0) this.#touch(lock);
    if (this.#mayOverlap(lock.offset, lock.lengthBytes)) this.#waitForOverlapping(lock);
    lock.place = this.#all.add(lock);
    this.#count(lock, 1);
    return lock.blockers === 0;
  }

  release(lock: RangeLock): void {
    assert(this.#all.delete(lock.place), 'a lock is released once');
    assert(lock.blockers === 0, 'only a granted lock is released');
    this.#count(lock, -1);
    this.#unblock(lock);
  }

  /** True: no lock is held or waited for in the range. False: `clear` is called once all those are released. Takes nothing. */
  whenClear(offset: number, lengthBytes: number, clear: () => void): boolean {
    if (!this.#mayOverlap(offset, lengthBytes)) return true;
    const probe: RangeLock = { offset, lengthBytes, blockers: 0, waiters: undefined, granted: clear };
    this.#waitForOverlapping(probe);
    return probe.blockers === 0;
  }

  watch(offset: number, lengthBytes: number): RangeWatch {
    const watch: RangeWatch = { offset, lengthBytes, touched: false };
    this.#watches.add(watch);
    return watch;
  }

  unwatch(watch: RangeWatch): void {
    this.#watches.delete(watch);
  }

  #touch({ offset, lengthBytes }: RangeLock): void {
    for (const watch of this.#watches)
      if (watch.offset < offset + lengthBytes && offset < watch.offset + watch.lengthBytes)
        watch.touched = true;
  }

  #waitForOverlapping(lock: RangeLock): void {
    const end = lock.offset + lock.lengthBytes;
    for (const earlier of this.#all) {
      if (earlier.offset >= end || earlier.offset + earlier.lengthBytes <= lock.offset) continue;
      (earlier.waiters ??= []).push(lock);
      lock.blockers += 1;
    }
  }

  #unblock(lock: RangeLock): void {
    const waiters = lock.waiters;
    if (waiters === undefined) return;
    lock.waiters = undefined;
    for (const waiter of waiters) {
      waiter.blockers -= 1;
      if (waiter.blockers === 0) this.#ready.push(waiter);
    }
    this.#grantReady();
  }

  /** In a loop, not by recursion: a granted operation on a synchronous store may release at once and free the next. */
  #grantReady(): void {
    if (this.#granting) return;
    this.#granting = true;
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) next.granted();
    this.#granting = false;
  }

  #mayOverlap(offset: number, lengthBytes: number): boolean {
    if (this.#longLocks > 0) return true;
    const first = Math.floor(offset / GRANULE_BYTES);
    const last = Math.floor((offset + lengthBytes - 1) / GRANULE_BYTES);
    if (last - first >= MAX_SPREAD_GRANULES) return this.#all.size > 0;
    for (let granule = first; granule <= last; granule += 1)
      if (this.#counters[granule % COUNTERS] !== 0) return true;
    return false;
  }

  #count(lock: RangeLock, by: 1 | -1): void {
    const first = Math.floor(lock.offset / GRANULE_BYTES);
    const last = Math.floor((lock.offset + lock.lengthBytes - 1) / GRANULE_BYTES);
    if (last - first >= MAX_SPREAD_GRANULES) {
      this.#longLocks += by;
      return;
    }
    for (let granule = first; granule <= last; granule += 1)
      this.#counters[granule % COUNTERS] = (this.#counters[granule % COUNTERS] as number) + by;
  }
}
