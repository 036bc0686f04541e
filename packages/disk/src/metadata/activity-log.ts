/**
 * The activity log (`ActivityLog` in `api.ts`): decides which extents are hot and writes the transactions.
 *
 * Duties
 * 1. `touch` is answered only after a durable transaction covers every extent of its range.
 * 2. One transaction at a time is being written; it joins a committer round, so the next begins after its flush.
 * 3. An extent is overwritten in the table only when nothing in it is in flight and `flushedUpTo` has covered its last write.
 * 4. Waiting `touch`es are served in order of arrival, so that a large range is never starved by small ones.
 */
import type { EterneError } from '@eterne/base';
import { assert } from '@eterne/base';
import type { ActivityLog, MetadataDone } from './api.ts';
import { EXTENT_BYTES } from './api.ts';
import type { PageWrite } from './committer.ts';
import { HotSet } from './hot-set.ts';
import type { LogIdentity } from './log-recovery.ts';
import { LOG_OFFSET, LOG_RING_PAGES, PAGE_BYTES } from './layout.ts';
import type { SlotUpdate } from './log-transaction.ts';
import { contextStretch, encodeTransaction, FREE, logSeed, MAX_UPDATES } from './log-transaction.ts';

/** The engine admits far fewer writes at once; more is a bug there. */
export const MAX_WAITERS = 65_536;

interface Waiter {
  readonly last: number;
  readonly ready: MetadataDone;
  /** The next extent to pin; past `last` when all are. */
  next: number;
  /** The newest transaction that one of its extents needs. */
  needs: number;
}

export class ActivityLogDriver implements ActivityLog {
  #identity: LogIdentity;
  readonly #seed: number;
  readonly #request: () => void;
  #table: HotSet;
  #waiters: Waiter[] = [];
  #pending: SlotUpdate[] = [];
  #durableSequence = 0;
  #writing = false;
  #flushedEpoch = -1;
  /** Some waiter has not got its slots yet: new writes queue behind it (duty 4). */
  #stuck = false;
  #starvedTold = false;
  #onStarved: () => void = () => {};
  #admitting = false;
  #failure: EterneError | undefined;

  /** Starts empty, in the epoch that the superblock has just made the only valid one. `request` asks for a round. */
  constructor(identity: LogIdentity, request: () => void) {
    this.#identity = identity;
    this.#seed = logSeed(identity.replicaUuid);
    this.#request = request;
    this.#table = new HotSet(identity.slotCount);
  }

  get slotCount(): number {
    return this.#table.slotCount;
  }

  get hotCount(): number {
    return this.#table.usedCount;
  }

  /** A crash now would leave nothing that a peer might lack. */
  get settled(): boolean {
    return this.#waiters.length === 0 && this.#table.isSettled(this.#flushedEpoch);
  }

  /** Empty again, in an epoch that the superblock has just made the only valid one. */
  restart(epoch: number): void {
    assert(this.settled && !this.#writing && this.#pending.length === 0, 'only a settled log is voided');
    this.#identity = { ...this.#identity, epoch };
    this.#table = new HotSet(this.#identity.slotCount);
    this.#durableSequence = 0;
  }

  /** The volume is larger. */
  grow(extentCount: number): void {
    this.#identity = { ...this.#identity, extentCount };
  }

  tryTouch(offset: number, lengthBytes: number): boolean {
    const first = Math.floor(offset / EXTENT_BYTES);
    const last = Math.floor((offset + lengthBytes - 1) / EXTENT_BYTES);
    this.#checkRange(first, last);
    if (this.#stuck) return false;
    for (let extent = first; extent <= last; extent += 1) {
      const slot = this.#table.slotOf(extent);
      if (slot < 0 || !this.#table.isHot(slot, this.#durableSequence)) return false;
    }
    for (let extent = first; extent <= last; extent += 1) this.#table.pin(this.#table.slotOf(extent));
    return true;
  }

  touch(offset: number, lengthBytes: number, ready: MetadataDone): void {
    if (this.#failure !== undefined) {
      ready(this.#failure);
      return;
    }
    const first = Math.floor(offset / EXTENT_BYTES);
    const last = Math.floor((offset + lengthBytes - 1) / EXTENT_BYTES);
    this.#checkRange(first, last);
    assert(this.#waiters.length < MAX_WAITERS, 'writes waiting for the activity log are bounded');
    this.#waiters.push({ last, ready, next: first, needs: 0 });
    this.#serve();
  }

  release(offset: number, lengthBytes: number, epoch: number): void {
    const last = Math.floor((offset + lengthBytes - 1) / EXTENT_BYTES);
    for (let extent = Math.floor(offset / EXTENT_BYTES); extent <= last; extent += 1) {
      const slot = this.#table.slotOf(extent);
      assert(slot >= 0, 'only touched extents are released');
      this.#table.unpin(slot, epoch);
    }
    if (this.#waiters.length > 0) this.#serve();
  }

  flushedUpTo(epoch: number): void {
    // Rounds end in order, but making the bits durable may answer them out of order.
    this.#flushedEpoch = Math.max(epoch, this.#flushedEpoch);
    this.#starvedTold = false;
    if (this.#waiters.length > 0) this.#serve();
  }

  flushedNothing(): void {
    this.#starvedTold = false;
    this.#tellIfStarved();
  }

  onStarved(listener: () => void): void {
    this.#onStarved = listener;
  }

  collect(): PageWrite[] {
    if (this.#pending.length === 0) return [];
    assert(!this.#writing, 'one transaction at a time');
    this.#writing = true;
    const sequence = this.#durableSequence + 1;
    const stretch = contextStretch(sequence, this.slotCount);
    const bytes = encodeTransaction(
      {
        epoch: this.#identity.epoch,
        sequence,
        slotCount: this.slotCount,
        updates: this.#pending,
        contextFirst: stretch.first,
        context: Array.from(
          { length: stretch.count },
          (_, index) => this.#table.extentAt(stretch.first + index) ?? FREE,
        ),
      },
      this.#seed,
    );
    this.#pending = [];
    return [{ offset: LOG_OFFSET + (sequence % LOG_RING_PAGES) * PAGE_BYTES, bytes }];
  }

  written(): void {
    this.#writing = false;
    this.#durableSequence += 1;
    this.#serve();
  }

  fail(error: EterneError): void {
    this.#failure = error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.ready(error);
  }

  #checkRange(first: number, last: number): void {
    assert(first >= 0 && first <= last && last < this.#identity.extentCount, 'range inside the volume');
    assert(last - first < this.slotCount, 'one write fits in the activity log');
  }

  /** Gives slots to waiters and answers those whose extents are hot, until nothing moves. Not re-entered: answers may touch. */
  #serve(): void {
    if (this.#admitting || this.#failure !== undefined) return;
    this.#admitting = true;
    let sequenceBefore: number;
    do {
      sequenceBefore = this.#durableSequence;
      this.#stuck = !this.#admit();
      if (this.#pending.length > 0 && !this.#writing) this.#request();
    } while (this.#answerReady() || this.#durableSequence !== sequenceBefore);
    this.#admitting = false;
    this.#tellIfStarved();
  }

  /** Pins extents for the waiters in order, as far as slots and one transaction's updates reach; true when all are pinned. */
  #admit(): boolean {
    for (const waiter of this.#waiters) {
      while (waiter.next <= waiter.last) {
        const slot = this.#slotFor(waiter.next);
        if (slot < 0) return false;
        this.#table.pin(slot);
        waiter.needs = Math.max(waiter.needs, this.#table.activatedBy(slot));
        waiter.next += 1;
      }
    }
    return true;
  }

  #slotFor(extent: number): number {
    const present = this.#table.slotOf(extent);
    if (present >= 0 || this.#pending.length === MAX_UPDATES) return present;
    const sequence = this.#durableSequence + (this.#writing ? 2 : 1);
    const slot = this.#table.assign(extent, sequence, this.#flushedEpoch);
    if (slot >= 0) this.#pending.push({ slot, extent });
    return slot;
  }

  /** True when some waiter was answered. */
  #answerReady(): boolean {
    let count = 0;
    for (const waiter of this.#waiters) {
      if (waiter.next <= waiter.last || waiter.needs > this.#durableSequence) break;
      count += 1;
    }
    const answered = this.#waiters.splice(0, count);
    for (const waiter of answered) waiter.ready(undefined);
    return count > 0;
  }

  #tellIfStarved(): void {
    if (!this.#stuck || this.#starvedTold || this.#pending.length === MAX_UPDATES) return;
    if (!this.#table.flushWouldHelp(this.#flushedEpoch)) return;
    this.#starvedTold = true;
    this.#onStarved();
  }
}
