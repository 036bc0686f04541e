/**
 * Fetches every dirty block from the source. In order:
 *
 * 1. Asks for runs of dirty blocks, a bounded number of bytes and runs at a time.
 * 2. Has what comes written and flushed (`sync-receiver.ts`); only then clears its own bits and tells the source, which clears its own.
 * 3. With no bit left, and that durable, it is done.
 */
import { EterneError, type BlockNumber } from '@eterne/base';
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
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import { SyncReceiver } from './sync-receiver.ts';

const MAX_PIECE_BLOCKS = (256 * 1024) / BLOCK_BYTES;
const WINDOW_BYTES = 8 * 1024 * 1024;

export interface SyncTargetParts {
  readonly disk: LocalDisk;
  readonly foreign: Gauge;
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
  readonly #receiver: SyncReceiver;
  readonly #asked = new Map<number, number>();
  #askedBytes = 0;
  #cursor = 0;
  #closed = false;

  constructor(parts: SyncTargetParts) {
    this.#parts = parts;
    const { disk, foreign, locks, slabs } = parts;
    this.#receiver = new SyncReceiver({
      disk,
      foreign,
      locks,
      slabs,
      isLast: () => this.#asked.size === 0,
      wrote: (range) => this.#wrote(range),
      flushed: (ranges) => this.#flushed(ranges),
    });
  }

  start(): void {
    this.#proceed();
  }

  data(message: ResyncData): void {
    if (this.#asked.get(message.offset) !== message.lengthBytes)
      throw new EterneError('protocol', 'blocks came that were not asked for');
    this.#asked.delete(message.offset);
    this.#parts.received(message.data?.length ?? 0);
    this.#receiver.take(message);
  }

  close(): void {
    this.#closed = true;
    this.#receiver.close();
  }

  #wrote(range: Range): void {
    this.#askedBytes -= range.lengthBytes;
    this.#ask();
  }

  #flushed(ranges: readonly Range[]): void {
    for (const { offset, lengthBytes } of ranges) this.#parts.bitmap.clear(offset, lengthBytes);
    sendResyncClear(this.#parts.sender, ranges);
    this.#parts.cleared();
    this.#proceed();
  }

  #proceed(): void {
    if (this.#closed) return;
    this.#ask();
    if (this.#asked.size === 0 && this.#receiver.isIdle) this.#finish();
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

  #finish(): void {
    if (this.#parts.bitmap.dirtyBlocks > 0) {
      this.#cursor = 0;
      return this.#ask();
    }
    this.#closed = true;
    this.#parts.done();
  }
}
