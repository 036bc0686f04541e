/**
 * Fetches every dirty block from the source. In order:
 *
 * 1. Asks for runs of dirty blocks, a bounded number of bytes and runs at a time.
 * 2. Writes what comes, in order of arrival with the primary's writes to the same range.
 * 3. Flushes the store now and then, and at the end; only then clears its own bits and tells the source, which clears its own.
 * 4. With no bit left, and that durable, it is done.
 */
import { EterneError, type BlockNumber } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import {
  MAX_REQUESTS,
  sendResyncClear,
  sendResyncRequest,
  type Range,
  type ResyncData,
} from '../../protocol/messages/resync.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

const MAX_PIECE_BLOCKS = (256 * 1024) / BLOCK_BYTES;
const WINDOW_BYTES = 8 * 1024 * 1024;
/** A flush now and then: less is copied again when the link breaks, and progress is real. */
const FLUSH_EVERY_BYTES = 128 * 1024 * 1024;

export interface SyncTargetParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  readonly slabs: BufferSlabs;
  readonly sender: FrameSender;
  readonly sizeBytes: number;
  /** For the figures: what came over the wire, and that bits were cleared. */
  received(wireBytes: number): void;
  cleared(): void;
  /** Every block is flushed and no bit is left. */
  done(): void;
}

export class SyncTarget {
  readonly #parts: SyncTargetParts;
  readonly #asked = new Map<number, number>();
  #askedBytes = 0;
  #writing = 0;
  #written: Range[] = [];
  #writtenBytes = 0;
  #cursor = 0;
  #flushing = false;
  #closed = false;

  constructor(parts: SyncTargetParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#proceed();
  }

  data(message: ResyncData): void {
    if (this.#asked.get(message.offset) !== message.lengthBytes)
      throw new EterneError('protocol', 'blocks came that were not asked for');
    this.#asked.delete(message.offset);
    this.#writing += 1;
    this.#parts.received(message.data?.length ?? 0);
    const { disk, locks, slabs } = this.#parts;
    const data = message.data && slabs.copyOf(message.data);
    const { offset, lengthBytes } = message;
    const lock: RangeLock = {
      offset,
      lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#write(lock, data),
    };
    disk.foreign.enter();
    if (locks.acquire(lock)) this.#write(lock, data);
  }

  close(): void {
    this.#closed = true;
  }

  #write(lock: RangeLock, data: Buffer | undefined): void {
    const { disk, locks, slabs } = this.#parts;
    const done = (error: StoreError | undefined): void => {
      locks.release(lock);
      if (data !== undefined && error === undefined) slabs.give(data);
      disk.foreign.leave();
      if (!this.#closed && error === undefined) this.#wrote(lock);
    };
    if (this.#closed) return done(undefined);
    disk.write(disk.foreign, lock.offset, lock.lengthBytes, data, true, done);
  }

  #wrote(range: Range): void {
    this.#writing -= 1;
    this.#askedBytes -= range.lengthBytes;
    this.#written.push({ offset: range.offset, lengthBytes: range.lengthBytes });
    this.#writtenBytes += range.lengthBytes;
    this.#proceed();
  }

  #proceed(): void {
    this.#ask();
    const isIdle = this.#asked.size === 0 && this.#writing === 0;
    if (this.#flushing) return;
    if (isIdle && this.#written.length === 0) return this.#finish();
    if (isIdle || this.#writtenBytes >= FLUSH_EVERY_BYTES) this.#flush();
  }

  #ask(): void {
    const { bitmap, sender, sizeBytes } = this.#parts;
    while (this.#hasRoom() && this.#cursor < bitmap.blockCount) {
      const run = bitmap.nextDirty(this.#cursor as BlockNumber, MAX_PIECE_BLOCKS);
      this.#cursor = run === undefined ? bitmap.blockCount : run.firstBlock + run.blockCount;
      if (run === undefined) return;
      const offset = run.firstBlock * BLOCK_BYTES;
      const lengthBytes = Math.min(run.blockCount * BLOCK_BYTES, sizeBytes - offset);
      this.#asked.set(offset, lengthBytes);
      this.#askedBytes += lengthBytes;
      sendResyncRequest(sender, { offset, lengthBytes });
    }
  }

  #hasRoom(): boolean {
    return this.#askedBytes < WINDOW_BYTES && this.#asked.size < MAX_REQUESTS;
  }

  #flush(): void {
    const flushed = this.#written;
    this.#written = [];
    this.#writtenBytes = 0;
    this.#flushing = true;
    this.#parts.disk.flush((error) => {
      this.#flushing = false;
      if (this.#closed || error !== undefined) return;
      for (const { offset, lengthBytes } of flushed) this.#parts.bitmap.clear(offset, lengthBytes);
      sendResyncClear(this.#parts.sender, flushed);
      this.#parts.cleared();
      this.#proceed();
    });
  }

  #finish(): void {
    if (this.#parts.bitmap.dirtyBlocks > 0) {
      this.#cursor = 0;
      return this.#ask();
    }
    this.#closed = true;
    this.#parts.done();
  }
}
