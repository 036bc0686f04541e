/**
 * DESIGN §4: a block whose content this replica does not have is copied whole on its first write. A write that covers it whole brings it along; one
 * that covers a part goes on as any other, and then the whole block is fetched from a replica that has it.
 *
 * 1. The block is fetched after the write that touched it, and without holding up later ones (`disk/fetch-good.ts`).
 * 2. It is defined when it has been written *and flushed*: no bit nor activity log covers what is written here, so a crash before that must find it
 *    undefined.
 *
 * Where nobody has it (or its one holder is away) it stays undefined until it is written again: what was written to it is on every replica, and
 * no file system used the rest (`docs/adr/undefined-blocks.md`).
 */
import type { BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import { fetchGood, type FetchedRange, type FetchParts } from '../disk/fetch-good.ts';
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';

/** Blocks that wait to be fetched; one that is turned away is found again by its next write. */
const MAX_WAITING = 256;

export interface UndefinedFillerParts extends FetchParts {
  readonly disk: LocalDisk;
  readonly undefinedBlocks: DirtyBitmap;
  /** The volume's size. */
  sizeBytes(): number;
  /** Counts the writes of the role that this node has now. */
  gauge(): Gauge;
}

export class UndefinedFiller {
  readonly #parts: UndefinedFillerParts;
  readonly #waiting = new Set<number>();
  #active: number | undefined;
  /** The block being written has come from a peer: it is not defined by being written. */
  #isWriting = false;

  constructor(parts: UndefinedFillerParts) {
    this.#parts = parts;
  }

  /** Is about to happen. Called for every write to the local disk. */
  written(offset: number, lengthBytes: number): void {
    const { undefinedBlocks } = this.#parts;
    if (undefinedBlocks.dirtyBlocks === 0) return;
    const end = offset + lengthBytes;
    if (this.#isWriting && offset === (this.#active ?? -1) * BLOCK_BYTES) return;
    const first = Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const last = end >= this.#parts.sizeBytes() ? end : end - (end % BLOCK_BYTES);
    if (first < last) undefinedBlocks.clear(first, last - first);
    if (first > offset) this.#wrotePart(Math.floor(offset / BLOCK_BYTES));
    if (last < end) this.#wrotePart(Math.floor(end / BLOCK_BYTES));
  }

  #wrotePart(block: number): void {
    if (!this.#parts.undefinedBlocks.isDirty(block as BlockNumber)) return;
    if (this.#waiting.size < MAX_WAITING) this.#waiting.add(block);
    if (this.#active === undefined) this.#next();
  }

  #next(): void {
    const [block] = this.#waiting;
    this.#active = block;
    if (block === undefined) return;
    this.#waiting.delete(block);
    // After the write at hand, which has its range locked.
    this.#parts.timers.afterEvent(() => {
      const offset = block * BLOCK_BYTES;
      const lengthBytes = Math.min(BLOCK_BYTES, this.#parts.sizeBytes() - offset);
      if (!this.#parts.undefinedBlocks.isDirty(block as BlockNumber)) return this.#next();
      fetchGood(this.#parts, { offset, lengthBytes }, (result) =>
        typeof result === 'string' ? this.#next() : this.#fill(offset, result),
      );
    });
  }

  /** Its range is locked until the block is defined. */
  #fill(offset: number, { data, release }: FetchedRange): void {
    const { disk, undefinedBlocks } = this.#parts;
    const gauge = this.#parts.gauge();
    gauge.enter();
    const finish = (isDurable: boolean): void => {
      if (isDurable) undefinedBlocks.clear(offset, data.length);
      release();
      gauge.leave();
      this.#next();
    };
    this.#isWriting = true;
    disk.write(gauge, offset, data.length, data, false, (error) => {
      if (error !== undefined) return finish(false);
      disk.flush((flushError) => finish(flushError === undefined));
    });
    this.#isWriting = false;
  }
}
