import { BLOCK_BYTES } from '../metadata/api.ts';

const PAGE_BLOCKS = 32_768;
const WORDS_PER_PAGE = PAGE_BLOCKS / 32;

interface Page {
  readonly words: Uint32Array;
  /** Bits that are set; a page without any is dropped. */
  count: number;
}

/** A sparse set of 4 KiB blocks in memory only: 4 KiB of it for every 128 MiB of the volume that is touched. */
export class BlockSet {
  readonly #pages = new Map<number, Page>();
  #lastNumber = -1;
  #lastPage: Page | undefined;

  get isEmpty(): boolean {
    return this.#pages.size === 0;
  }

  /** Adds every block that the byte range touches. */
  add(offset: number, lengthBytes: number): void {
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block += 1) {
      const page = this.#page(Math.floor(block / PAGE_BLOCKS));
      const bit = block % PAGE_BLOCKS;
      const mask = 1 << (bit & 31);
      const word = page.words[bit >>> 5] as number;
      if ((word & mask) !== 0) continue;
      page.words[bit >>> 5] = word | mask;
      page.count += 1;
    }
  }

  remove(offset: number, lengthBytes: number): void {
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block += 1) {
      const number = Math.floor(block / PAGE_BLOCKS);
      const page = this.#pages.get(number);
      if (page === undefined) continue;
      const bit = block % PAGE_BLOCKS;
      const mask = 1 << (bit & 31);
      const word = page.words[bit >>> 5] as number;
      if ((word & mask) === 0) continue;
      page.words[bit >>> 5] = word & ~mask;
      page.count -= 1;
      if (page.count === 0) this.#drop(number);
    }
  }

  /** Does the byte range touch a block of the set? */
  touches(offset: number, lengthBytes: number): boolean {
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block += 1) {
      const words = this.#pages.get(Math.floor(block / PAGE_BLOCKS))?.words;
      const bit = block % PAGE_BLOCKS;
      if (words !== undefined && (((words[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1) return true;
    }
    return false;
  }

  /** Are all blocks that the byte range touches in the set? */
  covers(offset: number, lengthBytes: number): boolean {
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block += 1)
      if (!this.touches(block * BLOCK_BYTES, BLOCK_BYTES)) return false;
    return true;
  }

  /** Calls `each` with every maximal run of blocks within a page, as bytes; pages in the order they were first touched. */
  forEachRun(each: (offset: number, lengthBytes: number) => void): void {
    for (const [number, { words }] of this.#pages) {
      let runStart = -1;
      for (let bit = 0; bit <= PAGE_BLOCKS; bit += 1) {
        if (runStart < 0 && (bit & 31) === 0 && words[bit >>> 5] === 0) {
          bit += 31;
          continue;
        }
        const isSet = bit < PAGE_BLOCKS && (((words[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1;
        if (isSet && runStart < 0) runStart = bit;
        if (isSet || runStart < 0) continue;
        each((number * PAGE_BLOCKS + runStart) * BLOCK_BYTES, (bit - runStart) * BLOCK_BYTES);
        runStart = -1;
      }
    }
  }

  #drop(number: number): void {
    this.#pages.delete(number);
    if (this.#lastNumber !== number) return;
    this.#lastNumber = -1;
    this.#lastPage = undefined;
  }

  #page(number: number): Page {
    if (number === this.#lastNumber && this.#lastPage !== undefined) return this.#lastPage;
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { words: new Uint32Array(WORDS_PER_PAGE), count: 0 };
      this.#pages.set(number, page);
    }
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }
}
