/**
 * Keeps one peer's bitmap on disk (`DirtyBitmap` in `api.ts`).
 *
 * Duties
 * 1. `persist` is answered only after every page changed before the call is durable; at most `PAGES_PER_ROUND` pages
 *    join a round, so that a large bitmap never holds up the activity log for long.
 * 2. Nothing is written that the engine has not set or cleared: a cleared bit reaches the disk only because the engine called
 *    `clear`, which it does only after the target's flush.
 */
import type { BlockNumber, EterneError } from '@eterne/base';
import { assert } from '@eterne/base';
import type { DirtyBitmap, DirtyRange, MetadataDone } from './api.ts';
import { BLOCK_BYTES } from './api.ts';
import { encodeBitmapPage, pageSeed } from './bitmap-page.ts';
import { Bitmap } from './bitmap.ts';
import type { PageWrite } from './committer.ts';
import type { Layout } from './layout.ts';
import { bitmapPageOffset, PAGE_BYTES, PAGES_PER_GROUP } from './layout.ts';

/** 1 MiB of pages. */
export const PAGES_PER_ROUND = 256;

export class BitmapDriver implements DirtyBitmap {
  readonly peer: string;
  readonly #slot: number;
  #layout: Layout;
  readonly #replicaUuid: string;
  readonly #request: () => void;
  readonly #bits: Bitmap;
  /** Pages being written for `#waiters`, from `#next` on. */
  #queue: number[] = [];
  #next = 0;
  #waiters: MetadataDone[] = [];
  #laterWaiters: MetadataDone[] = [];
  #failure: EterneError | undefined;

  /** `request` asks the committer for a round. */
  constructor(peer: string, slot: number, layout: Layout, replicaUuid: string, request: () => void) {
    this.peer = peer;
    this.#slot = slot;
    this.#layout = layout;
    this.#replicaUuid = replicaUuid;
    this.#request = request;
    this.#bits = new Bitmap(layout.volumeBytes);
  }

  get blockCount(): number {
    return this.#bits.blockCount;
  }

  get dirtyBlocks(): number {
    return this.#bits.dirtyBlocks;
  }

  get dirtyBytes(): number {
    return this.#bits.dirtyBlocks * BLOCK_BYTES;
  }

  get needsPersist(): boolean {
    return this.#bits.changedPages > 0 || this.#queue.length > 0;
  }

  markDirty(offset: number, lengthBytes: number): number {
    return this.#bits.mark(offset, lengthBytes);
  }

  markAll(): void {
    this.#bits.markAll();
  }

  union(other: DirtyBitmap): void {
    assert(other instanceof BitmapDriver, 'bitmaps of one kind');
    this.#bits.union(other.#bits);
  }

  clear(offset: number, lengthBytes: number): number {
    return this.#bits.clear(offset, lengthBytes);
  }

  isDirty(block: BlockNumber): boolean {
    return this.#bits.isDirty(block);
  }

  anyDirty(offset: number, lengthBytes: number): boolean {
    return this.#bits.anyDirty(offset, lengthBytes);
  }

  nextDirty(from: BlockNumber, maxBlocks: number): DirtyRange | undefined {
    return this.#bits.nextDirty(from, maxBlocks);
  }

  /** The volume is larger; places of pages that were there already stay. */
  grow(layout: Layout): void {
    this.#layout = layout;
    this.#bits.grow(layout.volumeBytes);
  }

  /** Installs a page found on disk, before any use. */
  load(page: number, words: Uint32Array): void {
    this.#bits.load(page, words);
  }

  persist(done: MetadataDone): void {
    if (this.#failure !== undefined) done(this.#failure);
    else if (this.#bits.changedPages > 0) {
      this.#laterWaiters.push(done);
      this.#request();
    } else if (this.#queue.length > 0) this.#waiters.push(done);
    else done(undefined);
  }

  collect(): PageWrite[] {
    if (this.#queue.length === 0 && this.#laterWaiters.length > 0) {
      this.#queue = this.#bits.takeChanged();
      this.#next = 0;
      this.#waiters = this.#laterWaiters;
      this.#laterWaiters = [];
    }
    const pages = this.#queue.slice(this.#next, this.#next + PAGES_PER_ROUND);
    this.#next += pages.length;
    return runsOf(pages).map((run) => this.#encodeRun(run.first, run.count));
  }

  written(): void {
    if (this.#next === this.#queue.length) {
      const waiters = this.#waiters;
      this.#queue = [];
      this.#waiters = [];
      for (const done of waiters) done(undefined);
    }
    if (this.#queue.length > 0 || this.#laterWaiters.length > 0) this.#request();
  }

  fail(error: EterneError): void {
    this.#failure = error;
    const waiters = [...this.#waiters, ...this.#laterWaiters];
    this.#waiters = [];
    this.#laterWaiters = [];
    for (const done of waiters) done(error);
  }

  #encodeRun(first: number, count: number): PageWrite {
    const bytes = Buffer.alloc(count * PAGE_BYTES);
    for (let index = 0; index < count; index += 1) {
      const page = first + index;
      const into = bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      encodeBitmapPage(this.#bits.encoded(page), pageSeed(this.#replicaUuid, this.#slot, page), into);
    }
    return { offset: bitmapPageOffset(this.#layout, this.#slot, first), bytes };
  }
}

/** Ascending page numbers as runs of pages that lie side by side: neighbours of one group. */
function runsOf(pages: readonly number[]): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    const isNext = last !== undefined && last.first + last.count === page;
    if (isNext && page % PAGES_PER_GROUP !== 0) last.count += 1;
    else runs.push({ first: page, count: 1 });
  }
  return runs;
}
