/**
 * Puts blocks that came from a source on the local disk, whatever brought them: a copy (`sync-target.ts`) or a repair
 * (`../verify/`). In order:
 *
 * 1. Writes what comes, in order of arrival with the primary's writes to the same range.
 * 2. Flushes the store now and then, and when nothing more is on its way; only then says that the blocks are there.
 */
import type { StoreError } from '@eterne/runtime';
import type { Range, ResyncData } from '../../protocol/messages/resync.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

/** A flush now and then: less is copied again when the link breaks, and progress is real. */
const FLUSH_EVERY_BYTES = 32 * 1024 * 1024;

export interface SyncReceiverParts {
  readonly disk: LocalDisk;
  /** Counts what is on its way from this peer to the disk. */
  readonly foreign: Gauge;
  readonly locks: RangeLocks;
  readonly slabs: BufferSlabs;
  /** Nothing more will come before what is here has been answered. */
  isLast(): boolean;
  /** The store has had the range, perhaps in a volatile cache. */
  wrote(range: Range): void;
  /** These ranges are on stable storage. */
  flushed(ranges: readonly Range[]): void;
}

export class SyncReceiver {
  readonly #parts: SyncReceiverParts;
  #writing = 0;
  #written: Range[] = [];
  #writtenBytes = 0;
  #flushing = false;
  #closed = false;

  constructor(parts: SyncReceiverParts) {
    this.#parts = parts;
  }

  /** Nothing is being written, or waits for its flush. */
  get isIdle(): boolean {
    return this.#writing === 0 && this.#written.length === 0 && !this.#flushing;
  }

  /** Its data is a view that dies with this call. */
  take(message: ResyncData): void {
    this.#writing += 1;
    const { foreign, locks, slabs } = this.#parts;
    const { content } = message;
    if (content.kind === 'same' || content.kind === 'unused') return this.#settle(message);
    const data = content.kind === 'data' ? slabs.copyOf(content.data) : undefined;
    const { offset, lengthBytes } = message;
    const lock: RangeLock = {
      offset,
      lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#write(lock, data),
    };
    foreign.enter();
    if (locks.acquire(lock)) this.#write(lock, data);
  }

  /** Flushes if it is time. */
  proceed(): void {
    if (this.#flushing || this.#written.length === 0) return;
    const isLast = this.#writing === 0 && this.#parts.isLast();
    if (isLast || this.#writtenBytes >= FLUSH_EVERY_BYTES) this.#flush();
  }

  close(): void {
    this.#closed = true;
  }

  #write(lock: RangeLock, data: Buffer | undefined): void {
    const { disk, foreign, locks, slabs } = this.#parts;
    const done = (error: StoreError | undefined): void => {
      locks.release(lock);
      if (data !== undefined && error === undefined) slabs.give(data);
      foreign.leave();
      if (!this.#closed && error === undefined) this.#settle(lock);
    };
    if (this.#closed) return done(undefined);
    if (data !== undefined) disk.write(foreign, lock.offset, lock.lengthBytes, data, false, done);
    else this.#writeZeroes(lock, done);
  }

  /** A hole stays as it is. */
  #writeZeroes({ offset, lengthBytes }: Range, done: (error: StoreError | undefined) => void): void {
    const { disk, foreign } = this.#parts;
    disk.extentAt(offset, (extent) => {
      const isHole = extent?.allocated === false && extent.lengthBytes >= lengthBytes;
      if (isHole || this.#closed) done(undefined);
      else disk.write(foreign, offset, lengthBytes, undefined, true, done);
    });
  }

  /** The store has it, by this write or since long; the flush is still to come. */
  #settle({ offset, lengthBytes }: Range): void {
    this.#writing -= 1;
    this.#written.push({ offset, lengthBytes });
    this.#writtenBytes += lengthBytes;
    this.#parts.wrote({ offset, lengthBytes });
    this.proceed();
  }

  #flush(): void {
    const ranges = this.#written;
    this.#written = [];
    this.#writtenBytes = 0;
    this.#flushing = true;
    this.#parts.disk.flush((error) => {
      this.#flushing = false;
      if (this.#closed || error !== undefined) return;
      this.#parts.flushed(ranges);
      this.proceed();
    });
  }
}
