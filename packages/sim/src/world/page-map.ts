import { BLANK, Page, PAGE_BYTES } from './page.ts';

/** Pages are cut from pieces of this size: many small allocations outside the heap cost more than the work done with them. */
const SLAB_BYTES = 64 * PAGE_BYTES;
let slab = Buffer.alloc(0);
let slabUsed = 0;

/** A page of undefined content. */
function newPage(): Buffer {
  if (slabUsed === slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    slabUsed = 0;
  }
  slabUsed += PAGE_BYTES;
  return slab.subarray(slabUsed - PAGE_BYTES, slabUsed);
}

/** Bytes by page; pages never written read as zeroes. A clone shares its pages until one side writes them. */
export class PageMap {
  private readonly pages = new Map<number, Page>();
  /** Pages that no clone shares: they may be changed in place. */
  private readonly owned = new Set<number>();

  /** The page that begins at `offset`; not to be changed. */
  page(offset: number): Page {
    return this.pages.get(offset / PAGE_BYTES) ?? BLANK;
  }

  read(offset: number, into: Buffer): void {
    let done = 0;
    /** Zeroes are filled in at one go. */
    let filled = 0;
    while (done < into.length) {
      const at = offset + done;
      const within = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, into.length - done);
      const page = this.pages.get((at - within) / PAGE_BYTES);
      if (page !== undefined) {
        if (filled < done) into.fill(0, filled, done);
        page.bytes.copy(into, done, within, within + count);
        filled = done + count;
      }
      done += count;
    }
    if (filled < into.length) into.fill(0, filled);
  }

  write(offset: number, from: Buffer): void {
    let done = 0;
    while (done < from.length) {
      const at = offset + done;
      const within = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, from.length - done);
      const number = (at - within) / PAGE_BYTES;
      const piece = from.subarray(done, done + count);
      if (count === PAGE_BYTES && piece.equals(BLANK.bytes)) this.pages.delete(number);
      else this.ownPage(number).change(piece, within);
      done += count;
    }
  }

  clone(): PageMap {
    const copy = new PageMap();
    for (const [number, page] of this.pages) copy.pages.set(number, page);
    this.owned.clear();
    return copy;
  }

  /** Adds the pages of another one, shared, as if it began at `start`. */
  place(other: PageMap, start: number): void {
    for (const [number, page] of other.pages) this.pages.set(number + start / PAGE_BYTES, page);
    other.owned.clear();
  }

  /** What is there from `start` on, shared, as if it began there. */
  behind(start: number): PageMap {
    const rest = new PageMap();
    for (const [number, page] of this.pages)
      if (number >= start / PAGE_BYTES) rest.pages.set(number - start / PAGE_BYTES, page);
    this.owned.clear();
    return rest;
  }

  /** Of the pages that are not all zeroes. */
  offsets(): number[] {
    return [...this.pages.keys()].map((number) => number * PAGE_BYTES);
  }

  /** Offsets of the pages that are not the same in both, in no order. */
  differingFrom(other: PageMap): number[] {
    const differing: number[] = [];
    for (const [number, page] of this.pages) {
      if (!page.equals(other.pages.get(number) ?? BLANK)) differing.push(number * PAGE_BYTES);
    }
    for (const [number, page] of other.pages)
      if (!this.pages.has(number) && !page.equals(BLANK)) differing.push(number * PAGE_BYTES);
    return differing;
  }

  private ownPage(number: number): Page {
    const present = this.pages.get(number);
    if (present !== undefined && this.owned.has(number)) return present;
    const bytes = newPage();
    (present ?? BLANK).bytes.copy(bytes);
    const page = new Page(bytes, present);
    this.pages.set(number, page);
    this.owned.add(number);
    return page;
  }
}
