/**
 * Fetches every dirty block from the source. In order:
 *
 * 1. Asks for runs of dirty blocks, a bounded number of bytes and runs at a time; where this side probably has the same already, with a
 *    digest of what it has.
 * 2. Has what comes written and flushed (`sync-receiver.ts`); only then clears its own bits and tells the source, which clears its own.
 * 3. What no file system uses is not copied: it becomes undefined here, durably, before its bits go.
 * 4. With no bit left, and that durable, it is done.
 */
import { EterneError, type BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import {
  DIGEST_BYTES,
  MAX_REQUESTS,
  MAX_RESYNC_BYTES,
  RESYNC_FRAME_BYTES,
  sendResyncClear,
  sendResyncRequest,
  type Range,
  type ResyncData,
} from '../../protocol/messages/resync.ts';
import { BlockSet } from '../block-set.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import { digestOf } from './digest.ts';
import { SyncReceiver } from './sync-receiver.ts';

const DIGEST_PIECE_BYTES = 256 * 1024;
/** Two of the longest requests: the source always has one to work on. */
const WINDOW_BYTES = 2 * MAX_RESYNC_BYTES;

export interface SyncTargetParts {
  readonly disk: LocalDisk;
  readonly foreign: Gauge;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  readonly undefinedBlocks: DirtyBitmap;
  readonly slabs: BufferSlabs;
  readonly sender: FrameSender;
  readonly sizeBytes: number;
  /** Much of what is marked is probably the same on both sides: digests first. */
  readonly byDigest: boolean;
  /** For the figures: what went over the wire, and that bits were cleared. */
  moved(wireBytes: number): void;
  cleared(): void;
  /** Every block is flushed and no bit is left. */
  done(): void;
}

export class SyncTarget {
  readonly #parts: SyncTargetParts;
  readonly #receiver: SyncReceiver;
  /** Asked for, and not come yet. */
  readonly #asked = new BlockSet();
  /** Where each request that is not answered to its end ends. */
  readonly #requestEnds = new Set<number>();
  /** Asked for or about to be, and not written yet. */
  #openBytes = 0;
  /** Flushes whose bits are still to go. */
  #clearing = 0;
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
      isLast: () => this.#openBytes === 0,
      wrote: (range) => this.#wrote(range),
      flushed: (ranges) => this.#flushed(ranges),
    });
  }

  start(): void {
    this.#proceed();
  }

  data(message: ResyncData): void {
    const { content, lengthBytes, offset } = message;
    if (!this.#asked.covers(offset, lengthBytes))
      throw new EterneError('protocol', 'blocks came that were not asked for');
    this.#asked.remove(offset, lengthBytes);
    this.#requestEnds.delete(offset + lengthBytes);
    this.#parts.moved(RESYNC_FRAME_BYTES + (content.kind === 'data' ? lengthBytes : 0));
    if (content.kind === 'unused') this.#parts.undefinedBlocks.markDirty(offset, lengthBytes);
    else this.#parts.undefinedBlocks.clear(offset, lengthBytes);
    this.#receiver.take(message);
  }

  close(): void {
    this.#closed = true;
    this.#receiver.close();
  }

  #wrote(range: Range): void {
    this.#openBytes -= range.lengthBytes;
    this.#ask();
  }

  #flushed(ranges: readonly Range[]): void {
    this.#clearing += 1;
    this.#parts.undefinedBlocks.persist((error) => {
      this.#clearing -= 1;
      if (!this.#closed && error === undefined) this.#clear(ranges);
    });
  }

  #clear(ranges: readonly Range[]): void {
    for (const { offset, lengthBytes } of ranges) this.#parts.bitmap.clear(offset, lengthBytes);
    sendResyncClear(this.#parts.sender, ranges);
    this.#parts.cleared();
    this.#proceed();
  }

  #proceed(): void {
    if (this.#closed) return;
    this.#ask();
    if (this.#openBytes === 0 && this.#clearing === 0 && this.#receiver.isIdle) this.#finish();
  }

  #ask(): void {
    const { byDigest } = this.#parts;
    for (;;) {
      const range = this.#hasRoom()
        ? this.#nextRange(byDigest ? DIGEST_PIECE_BYTES : MAX_RESYNC_BYTES)
        : undefined;
      if (range === undefined) return;
      this.#requestEnds.add(range.offset + range.lengthBytes);
      this.#openBytes += range.lengthBytes;
      if (byDigest) this.#askByDigest(range);
      else this.#request(range, undefined);
    }
  }

  #nextRange(maxBytes: number): Range | undefined {
    const { bitmap, sizeBytes } = this.#parts;
    if (this.#cursor >= bitmap.blockCount) return undefined;
    const run = bitmap.nextDirty(this.#cursor as BlockNumber, maxBytes / BLOCK_BYTES);
    this.#cursor = run === undefined ? bitmap.blockCount : run.firstBlock + run.blockCount;
    if (run === undefined) return undefined;
    const offset = run.firstBlock * BLOCK_BYTES;
    return { offset, lengthBytes: Math.min(run.blockCount * BLOCK_BYTES, sizeBytes - offset) };
  }

  /** A block of which this side cannot say what it has is asked for plainly. */
  #askByDigest(range: Range): void {
    const { disk, slabs } = this.#parts;
    const data = slabs.take(range.lengthBytes);
    disk.read(range.offset, data, (error) => {
      if (this.#closed) return;
      this.#request(range, error === undefined ? digestOf(data) : undefined);
      if (error === undefined) slabs.give(data);
    });
  }

  #request(range: Range, digest: Buffer | undefined): void {
    this.#asked.add(range.offset, range.lengthBytes);
    sendResyncRequest(this.#parts.sender, { ...range, digest });
    this.#parts.moved(RESYNC_FRAME_BYTES + (digest === undefined ? 0 : DIGEST_BYTES));
  }

  #hasRoom(): boolean {
    return this.#openBytes < WINDOW_BYTES && this.#requestEnds.size < MAX_REQUESTS;
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
