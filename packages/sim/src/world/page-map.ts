export const PAGE_BYTES = 4096;

/** Bytes by page; pages never written read as zeroes. */
export class PageMap {
  private readonly pages = new Map<number, Buffer>();

  read(offset: number, into: Buffer): void {
    let done = 0;
    while (done < into.length) {
      const at = offset + done;
      const within = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, into.length - done);
      const page = this.pages.get((at - within) / PAGE_BYTES);
      if (page === undefined) into.fill(0, done, done + count);
      else page.copy(into, done, within, within + count);
      done += count;
    }
  }

  write(offset: number, from: Buffer): void {
    let done = 0;
    while (done < from.length) {
      const at = offset + done;
      const within = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, from.length - done);
      const number = (at - within) / PAGE_BYTES;
      let page = this.pages.get(number);
      if (page === undefined) this.pages.set(number, (page = Buffer.alloc(PAGE_BYTES)));
      from.copy(page, within, done, done + count);
      done += count;
    }
  }

  clone(): PageMap {
    const copy = new PageMap();
    for (const [number, page] of this.pages) copy.pages.set(number, Buffer.from(page));
    return copy;
  }

  /** Of the pages ever written. */
  offsets(): number[] {
    return [...this.pages.keys()].map((number) => number * PAGE_BYTES);
  }
}
