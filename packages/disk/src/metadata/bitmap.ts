/**
 * The dirty bitmap in memory: one bit per 4 KiB block, in pages that exist only where something is dirty. Pure; `bitmap-driver.ts`
 * makes it durable.
 *
 * A page is `undefined` (clean), `FULL` (shared, all dirty) or its own words, so memory follows what is *partly* dirty: a clean or a wholly
 * dirty 8 TiB volume costs its page table, under 1 MiB.
 */
import type { BlockNumber } from '@eterne/base';
import { assert } from '@eterne/base';
import type { DirtyRange } from './api.ts';
import { BLOCK_BYTES } from './api.ts';
import { BLOCKS_PER_PAGE, WORDS_PER_PAGE } from './layout.ts';

const FULL = new Uint32Array(WORDS_PER_PAGE).fill(0xffff_ffff);

export class Bitmap {
  #volumeBytes: number;
  #blockCount: number;
  readonly #pages: (Uint32Array | undefined)[];
  #dirtyInPage: Uint16Array;
  #changedFlags: Uint8Array;
  #changed: number[] = [];
  #dirtyBlocks = 0;

  constructor(volumeBytes: number) {
    this.#volumeBytes = volumeBytes;
    this.#blockCount = Math.ceil(volumeBytes / BLOCK_BYTES);
    this.#pages = Array.from({ length: this.pageCount });
    this.#dirtyInPage = new Uint16Array(this.pageCount);
    this.#changedFlags = new Uint8Array(this.pageCount);
  }

  get blockCount(): number {
    return this.#blockCount;
  }

  get pageCount(): number {
    return Math.ceil(this.#blockCount / BLOCKS_PER_PAGE);
  }

  /** The volume is larger now; what was added is clean. A last block that was short is whole, as dirty as it was. */
  grow(volumeBytes: number): void {
    assert(volumeBytes >= this.#volumeBytes, 'a volume only grows');
    this.#volumeBytes = volumeBytes;
    this.#blockCount = Math.ceil(volumeBytes / BLOCK_BYTES);
    this.#pages.length = this.pageCount;
    this.#dirtyInPage = longer(this.#dirtyInPage, new Uint16Array(this.pageCount));
    this.#changedFlags = longer(this.#changedFlags, new Uint8Array(this.pageCount));
  }

  get dirtyBlocks(): number {
    return this.#dirtyBlocks;
  }

  /** Pages whose content differs from what was last taken by `takeChanged`/`encoded`. */
  get changedPages(): number {
    return this.#changed.length;
  }

  /** Marks every block that the byte range touches; returns how many were clean. */
  mark(offset: number, lengthBytes: number): number {
    this.#checkRange(offset, lengthBytes);
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    return this.#apply(Math.floor(offset / BLOCK_BYTES), end, true);
  }

  markAll(): number {
    return this.#apply(0, this.blockCount, true);
  }

  /** Clears the blocks of a byte range of whole blocks; returns how many were dirty. */
  clear(offset: number, lengthBytes: number): number {
    this.#checkRange(offset, lengthBytes);
    const endByte = offset + lengthBytes;
    assert(offset % BLOCK_BYTES === 0, 'clear starts at a block');
    assert(endByte % BLOCK_BYTES === 0 || endByte === this.#volumeBytes, 'clear ends at a block');
    return this.#apply(offset / BLOCK_BYTES, Math.ceil(endByte / BLOCK_BYTES), false);
  }

  isDirty(block: number): boolean {
    assert(block >= 0 && block < this.blockCount, 'block in range');
    const page = Math.floor(block / BLOCKS_PER_PAGE);
    const bit = block - page * BLOCKS_PER_PAGE;
    const words = this.#pages[page];
    return words !== undefined && (((words[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1;
  }

  anyDirty(offset: number, lengthBytes: number): boolean {
    this.#checkRange(offset, lengthBytes);
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    return this.#seek(Math.floor(offset / BLOCK_BYTES), end, true) < end;
  }

  /** The first dirty run at or after `from`, cut to `maxBlocks`. */
  nextDirty(from: number, maxBlocks: number): DirtyRange | undefined {
    assert(from >= 0 && maxBlocks > 0, 'a cursor and a bound');
    const first = this.#seek(from, this.blockCount, true);
    if (first >= this.blockCount) return undefined;
    const end = this.#seek(first, Math.min(first + maxBlocks, this.blockCount), false);
    return { firstBlock: first as BlockNumber, blockCount: end - first };
  }

  union(other: Bitmap): void {
    assert(other.blockCount === this.blockCount, 'bitmaps of one volume');
    for (let block = 0; ;) {
      const run = other.nextDirty(block, BLOCKS_PER_PAGE);
      if (run === undefined) return;
      this.#apply(run.firstBlock, run.firstBlock + run.blockCount, true);
      block = run.firstBlock + run.blockCount;
    }
  }

  /** The numbers of the changed pages, ascending. They stay flagged until `encoded`, so that a page is never listed twice. */
  takeChanged(): number[] {
    const taken = this.#changed.sort((a, b) => a - b);
    this.#changed = [];
    return taken;
  }

  /** The words to write for `page`, which counts as unchanged from now on. */
  encoded(page: number): Uint32Array {
    this.#changedFlags[page] = 0;
    return this.#pages[page] ?? EMPTY;
  }

  /** Installs a page read from disk; bits past the end of the volume (in a sector that failed its check) are dropped. */
  load(page: number, words: Uint32Array): void {
    assert(words.length === WORDS_PER_PAGE && this.#pages[page] === undefined, 'a page is loaded once');
    const base = page * BLOCKS_PER_PAGE;
    let dirty = 0;
    for (let word = 0; word < WORDS_PER_PAGE; word += 1) {
      const valid = this.blockCount - base - word * 32;
      if (valid < 32) words[word] = valid <= 0 ? 0 : (words[word] as number) & (2 ** valid - 1);
      dirty += popCount(words[word] as number);
    }
    if (dirty === 0) return;
    this.#pages[page] = dirty === BLOCKS_PER_PAGE ? FULL : words;
    this.#dirtyInPage[page] = dirty;
    this.#dirtyBlocks += dirty;
  }

  #checkRange(offset: number, lengthBytes: number): void {
    assert(
      offset >= 0 && lengthBytes > 0 && offset + lengthBytes <= this.#volumeBytes,
      'range inside the volume',
    );
  }

  #blocksIn(page: number): number {
    return Math.min(BLOCKS_PER_PAGE, this.blockCount - page * BLOCKS_PER_PAGE);
  }

  /** Sets blocks [first, end) to `dirty`, page by page; returns how many changed. */
  #apply(first: number, end: number, dirty: boolean): number {
    let changed = 0;
    for (let block = first; block < end;) {
      const page = Math.floor(block / BLOCKS_PER_PAGE);
      const base = page * BLOCKS_PER_PAGE;
      const stop = Math.min(end, base + BLOCKS_PER_PAGE);
      changed += this.#applyInPage(page, block - base, stop - base, dirty);
      block = stop;
    }
    return changed;
  }

  #applyInPage(page: number, firstBit: number, endBit: number, dirty: boolean): number {
    const before = this.#dirtyInPage[page] as number;
    const capacity = this.#blocksIn(page);
    if (before === (dirty ? capacity : 0)) return 0;
    const whole = endBit - firstBit === capacity;
    const changed = whole
      ? dirty
        ? capacity - before
        : before
      : this.#applyBits(page, firstBit, endBit, dirty);
    if (changed === 0) return 0;
    const after = dirty ? before + changed : before - changed;
    this.#dirtyInPage[page] = after;
    this.#dirtyBlocks += after - before;
    if (after === 0) this.#pages[page] = undefined;
    else if (after === BLOCKS_PER_PAGE) this.#pages[page] = FULL;
    else if (whole) this.#fillLastPage(page, capacity);
    this.#noteChange(page);
    return changed;
  }

  #applyBits(page: number, firstBit: number, endBit: number, dirty: boolean): number {
    const words = this.#ownPage(page);
    let changed = 0;
    for (let bit = firstBit; bit < endBit;) {
      const word = bit >>> 5;
      const stop = Math.min(endBit, (word + 1) * 32);
      const mask = wordMask(bit & 31, stop - word * 32);
      const old = words[word] as number;
      const now = dirty ? (old | mask) >>> 0 : (old & ~mask) >>> 0;
      if (now !== old) {
        words[word] = now;
        changed += popCount((old ^ now) >>> 0);
      }
      bit = stop;
    }
    return changed;
  }

  /** The volume's last page is rarely full: bits past the end stay zero. */
  #fillLastPage(page: number, capacity: number): void {
    const words = this.#ownPage(page);
    words.fill(0xffff_ffff, 0, capacity >>> 5);
    if ((capacity & 31) !== 0) words[capacity >>> 5] = wordMask(0, capacity & 31);
  }

  #ownPage(page: number): Uint32Array {
    const present = this.#pages[page];
    if (present !== undefined && present !== FULL) return present;
    const own = present === undefined ? new Uint32Array(WORDS_PER_PAGE) : new Uint32Array(FULL);
    this.#pages[page] = own;
    return own;
  }

  #noteChange(page: number): void {
    if (this.#changedFlags[page] === 1) return;
    this.#changedFlags[page] = 1;
    this.#changed.push(page);
  }

  /** The first block in [from, end) whose bit is `dirty`, else `end`. */
  #seek(from: number, end: number, dirty: boolean): number {
    for (let block = from; block < end;) {
      const page = Math.floor(block / BLOCKS_PER_PAGE);
      const base = page * BLOCKS_PER_PAGE;
      const stop = Math.min(end, base + BLOCKS_PER_PAGE);
      const found = this.#seekInPage(page, block - base, stop - base, dirty);
      if (base + found < stop) return base + found;
      block = stop;
    }
    return end;
  }

  #seekInPage(page: number, firstBit: number, endBit: number, dirty: boolean): number {
    const words = this.#pages[page];
    if (words === undefined) return dirty ? endBit : firstBit;
    if (words === FULL) return dirty ? firstBit : endBit;
    for (let bit = firstBit; bit < endBit; bit = (bit | 31) + 1) {
      const stored = words[bit >>> 5] as number;
      const sought = ((dirty ? stored : ~stored) & wordMask(bit & 31, 32)) >>> 0;
      if (sought !== 0) return Math.min(endBit, (bit & ~31) + 31 - Math.clz32(sought & -sought));
    }
    return endBit;
  }
}

const EMPTY = new Uint32Array(WORDS_PER_PAGE);

function longer<Words extends Uint8Array | Uint16Array>(from: Words, into: Words): Words {
  into.set(from);
  return into;
}

/** Bits [from, to) of a word, 0 ≤ from < to ≤ 32. */
function wordMask(from: number, to: number): number {
  return ((0xffff_ffff << from) & (0xffff_ffff >>> (32 - to))) >>> 0;
}

function popCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
