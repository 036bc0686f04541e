/**
 * The checksums of a replica's blocks, in memory and in the metadata (`docs/internals/disk-format.md`, "Checksums"). A page holds those of
 * 1024 blocks. What the disk holds of a page never says anything that a crash could make untrue:
 *
 * ```
 * cold ──load──▶ closed ──first write──▶ opening ──zeroes durable──▶ open ──data flushed──▶ closing ──values durable──▶ closed
 * ```
 *
 * Duties
 * 1. Before data of a block is written its page is open: on the disk all of its checksums are unknown, durably.
 * 2. A page is closed only when nothing is being written to its blocks and everything that was is durable.
 * 3. A page that is open when the process ends has lost its checksums, and nothing else.
 */
import { assert } from '@eterne/base';
import type { BlockStore, StoreDone, StoreError } from '@eterne/runtime';
import {
  BLOCKS_PER_PAGE,
  checksumsOffset,
  layoutOf,
  PAGE_BYTES,
  type Layout,
} from '../../../metadata/layout.ts';
import { isZero } from '../../../metadata/zero.ts';

/** Blocks whose checksums one page holds. */
const PER_PAGE = PAGE_BYTES / 4;
const PAGES_PER_BITMAP_PAGE = Math.ceil(BLOCKS_PER_PAGE / PER_PAGE);
/** Pages in memory, 16 MiB: those of 16 GiB of the volume. */
const MAX_PAGES = 4096;
/** Open at once: what a crash may cost, and how seldom a page has to be opened. As many blocks as the activity log covers. */
const MAX_OPEN = 1237;
/** Closed at a time, with one flush of the data for all. */
const CLOSE_BATCH = 256;
const NOTHING = Buffer.alloc(PAGE_BYTES);

interface Page {
  readonly offset: number;
  readonly values: Buffer;
  state: 'loading' | 'closed' | 'opening' | 'open' | 'closing';
  /** The disk may hold something else than `values`, since it could not be read. */
  isUnread: boolean;
  /** Writes under way to its blocks. */
  writers: number;
  waiting: StoreDone[];
}

/** Pages on their way to `closed`. */
interface Closing {
  readonly pages: readonly Page[];
  /** Their values are being written. */
  isDataFlushed: boolean;
  readonly waiting: StoreDone[];
}

export class ChecksumPages {
  readonly #store: BlockStore;
  readonly #sizeBytes: () => number;
  readonly #flushData: (done: StoreDone) => void;
  #layout: Layout;
  /** By number, the longest unused first. */
  readonly #pages = new Map<number, Page>();
  #openCount = 0;
  #toOpen: Page[] = [];
  #isOpening = false;
  #closing: Closing | undefined;
  /** The data could not be flushed: the disk counts as failed, until there is another. */
  #dataFailure: StoreError | undefined;
  /** A page could not be written: what the metadata holds of it is uncertain as long as this process lives. */
  #pageFailure: StoreError | undefined;

  /** `store`: of the metadata, which its owner closes. */
  constructor(store: BlockStore, sizeBytes: () => number, flushData: (done: StoreDone) => void) {
    this.#store = store;
    this.#sizeBytes = sizeBytes;
    this.#flushData = flushData;
    this.#layout = layoutOf(sizeBytes());
  }

  get failure(): StoreError | undefined {
    return this.#pageFailure ?? this.#dataFailure;
  }

  /** Another disk holds the data from now on. Pages stay open: what they say of a block is written anew with the block. */
  dataReplaced(): void {
    this.#dataFailure = undefined;
    // The other disk may owe its flush for ever.
    if (this.#closing?.isDataFlushed === false) this.#endClosing(this.#closing, 'open', undefined);
  }

  /** `then`: no values are on their way to the metadata. */
  whenUnwritten(then: () => void): void {
    if (this.#closing?.isDataFlushed === true) this.#closing.waiting.push(() => this.whenUnwritten(then));
    else then();
  }

  /** Nothing is known of any block any more, and the metadata says so already. */
  forget(): void {
    for (const page of this.#pages.values()) {
      const blank = (): void => void page.values.fill(0);
      if (page.state === 'loading') page.waiting.unshift(blank);
      else blank();
    }
  }

  /** Calls `done` when the checksums of these blocks are in memory: at once where they are. */
  load(firstBlock: number, lastBlock: number, done: StoreDone): void {
    this.#each(firstBlock, lastBlock, done, (page, next) => this.#whenLoaded(page, next));
  }

  /** Before data is written there (duty 1). `done` without an error: `release` must follow. */
  open(firstBlock: number, lastBlock: number, done: StoreDone): void {
    if (this.failure !== undefined) return done(this.failure);
    const opened: Page[] = [];
    const openOne = (page: Page, next: StoreDone): void => {
      page.writers += 1;
      opened.push(page);
      this.#whenOpen(page, next);
    };
    this.#each(
      firstBlock,
      lastBlock,
      (error) => {
        if (error !== undefined) for (const page of opened) page.writers -= 1;
        done(error);
      },
      openOne,
    );
  }

  release(firstBlock: number, lastBlock: number): void {
    for (let at = pageOf(firstBlock); at <= pageOf(lastBlock); at += 1) {
      const page = this.#pages.get(at);
      assert(page !== undefined && page.writers > 0, 'what is released was opened');
      page.writers -= 1;
    }
    if (this.#openCount > MAX_OPEN) this.#closeSome();
    else this.#evict();
  }

  /** 0: unknown. The page is in memory. */
  get(block: number): number {
    return this.#pages.get(pageOf(block))?.values.readUInt32LE(slotOf(block)) ?? 0;
  }

  /** The page is open. */
  set(block: number, value: number): void {
    const page = this.#pages.get(pageOf(block));
    assert(page?.state === 'open', 'a checksum is written to an open page');
    page.values.writeUInt32LE(value, slotOf(block));
  }

  /** Closes every page: nothing is being written any more. */
  settle(done: StoreDone): void {
    this.#closeSome();
    if (this.#closing === undefined) return done(undefined);
    this.#closing.waiting.push((error) => {
      if (error === undefined) this.settle(done);
      else done(error);
    });
  }

  #each(
    firstBlock: number,
    lastBlock: number,
    done: StoreDone,
    act: (page: Page, next: StoreDone) => void,
  ): void {
    let left = 1;
    let failure: StoreError | undefined;
    const finished = (error: StoreError | undefined): void => {
      failure ??= error;
      left -= 1;
      if (left === 0) done(failure);
    };
    for (let at = pageOf(firstBlock); at <= pageOf(lastBlock); at += 1) {
      left += 1;
      act(this.#page(at), finished);
    }
    finished(undefined);
  }

  /** Touched: it becomes the most recently used. */
  #page(number: number): Page {
    const found = this.#pages.get(number);
    if (found !== undefined) {
      this.#pages.delete(number);
      this.#pages.set(number, found);
      return found;
    }
    const page: Page = {
      offset: this.#offsetOf(number),
      values: Buffer.alloc(PAGE_BYTES),
      state: 'loading',
      isUnread: false,
      writers: 0,
      waiting: [],
    };
    this.#pages.set(number, page);
    this.#store.read(page.offset, page.values, (error) => {
      // What cannot be read is unknown; it is written anew when the page is opened.
      page.isUnread = error !== undefined;
      if (page.isUnread) page.values.fill(0);
      this.#moved(page, 'closed', undefined);
      this.#evict();
    });
    return page;
  }

  #offsetOf(number: number): number {
    const sizeBytes = this.#sizeBytes();
    if (this.#layout.volumeBytes !== sizeBytes) this.#layout = layoutOf(sizeBytes);
    const ofBitmapPage = checksumsOffset(this.#layout, Math.floor(number / PAGES_PER_BITMAP_PAGE));
    return ofBitmapPage + (number % PAGES_PER_BITMAP_PAGE) * PAGE_BYTES;
  }

  #whenLoaded(page: Page, then: StoreDone): void {
    if (page.state === 'loading') page.waiting.push(then);
    else then(undefined);
  }

  #whenOpen(page: Page, then: StoreDone): void {
    if (page.state === 'open') return then(undefined);
    if (page.state !== 'closed')
      return void page.waiting.push((error) =>
        error === undefined ? this.#whenOpen(page, then) : then(error),
      );
    this.#openCount += 1;
    // The disk says unknown already.
    if (!page.isUnread && isZero(page.values)) {
      page.state = 'open';
      return then(undefined);
    }
    page.state = 'opening';
    page.waiting.push(then);
    this.#toOpen.push(page);
    this.#openBatch();
  }

  /** Pages that come meanwhile share the next flush. */
  #openBatch(): void {
    const batch = this.#toOpen;
    if (this.#isOpening || batch.length === 0) return;
    this.#toOpen = [];
    this.#isOpening = true;
    const blank = (): Buffer => NOTHING;
    this.#writeAll(batch, blank, (error) => {
      this.#isOpening = false;
      if (error !== undefined) this.#openCount -= batch.length;
      for (const page of batch) {
        page.isUnread &&= error !== undefined;
        this.#moved(page, error === undefined ? 'open' : 'closed', error);
      }
      this.#openBatch();
    });
  }

  /** Duty 2: the longest unused. */
  #closeSome(): void {
    if (this.#closing !== undefined) return;
    const pages: Page[] = [];
    for (const page of this.#pages.values()) {
      if (page.state === 'open' && page.writers === 0) pages.push(page);
      if (pages.length === CLOSE_BATCH) break;
    }
    if (pages.length === 0) return;
    const closing: Closing = { pages, isDataFlushed: false, waiting: [] };
    this.#closing = closing;
    for (const page of pages) page.state = 'closing';
    this.#flushData((error) => {
      if (this.#closing !== closing) return;
      this.#dataFailure ??= error;
      if (error === undefined) this.#writeValues(closing);
      else this.#endClosing(closing, 'open', error);
    });
  }

  #writeValues(closing: Closing): void {
    closing.isDataFlushed = true;
    this.#writeAll(
      closing.pages,
      ({ values }) => values,
      (error) => {
        this.#pageFailure ??= error;
        this.#endClosing(closing, error === undefined ? 'closed' : 'open', error);
      },
    );
  }

  #endClosing({ pages, waiting }: Closing, state: 'closed' | 'open', error: StoreError | undefined): void {
    this.#closing = undefined;
    if (state === 'closed') this.#openCount -= pages.length;
    for (const page of pages) this.#moved(page, state, undefined);
    this.#evict();
    for (const then of waiting) then(error);
  }

  #writeAll(pages: readonly Page[], content: (page: Page) => Buffer, done: StoreDone): void {
    let left = pages.length;
    let failure: StoreError | undefined;
    for (const page of pages)
      this.#store.write(page.offset, content(page), (error) => {
        failure ??= error;
        left -= 1;
        if (left > 0) return;
        if (failure !== undefined) done({ ...failure, kind: 'device' });
        else this.#store.flush((flushError) => done(flushError && { ...flushError, kind: 'device' }));
      });
  }

  #moved(page: Page, state: Page['state'], error: StoreError | undefined): void {
    page.state = state;
    for (const then of page.waiting.splice(0)) then(error);
  }

  #evict(): void {
    if (this.#pages.size <= MAX_PAGES) return;
    for (const [number, page] of this.#pages) {
      if (page.state === 'closed' && page.writers === 0) this.#pages.delete(number);
      if (this.#pages.size <= MAX_PAGES) return;
    }
  }
}

function pageOf(block: number): number {
  const bitmapPage = Math.floor(block / BLOCKS_PER_PAGE);
  return bitmapPage * PAGES_PER_BITMAP_PAGE + Math.floor((block % BLOCKS_PER_PAGE) / PER_PAGE);
}

function slotOf(block: number): number {
  return ((block % BLOCKS_PER_PAGE) % PER_PAGE) * 4;
}
