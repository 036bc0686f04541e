export const PAGE_BYTES = 4096;
export const SECTOR_BYTES = 512;
const SECTORS = PAGE_BYTES / SECTOR_BYTES;

/** Counts contents. */
let contents = 0;

/** The bytes of a page, and what is known of them already, so that checkers need not look again at what has not changed. */
export class Page {
  /** To be changed by `change` alone. */
  readonly bytes: Buffer;
  /** Two pages of one number are equal; two of different numbers may be. */
  private content: number;
  /** By sector: what a reader made of it (`checkers/stamp.ts`), knowing that the page begins at sector `readAs`. Forgotten when it is written. */
  private readonly readings: (number | undefined)[];
  private readAs: number;

  constructor(bytes: Buffer, like?: Page) {
    this.bytes = bytes;
    contents += 1;
    this.content = contents;
    this.readings = like?.readings.slice() ?? Array.from({ length: SECTORS });
    this.readAs = like?.readAs ?? 0;
  }

  /** `piece` at `within`. */
  change(piece: Buffer, within: number): void {
    piece.copy(this.bytes, within);
    contents += 1;
    this.content = contents;
    const end = (within + piece.length) / SECTOR_BYTES;
    for (let slot = Math.floor(within / SECTOR_BYTES); slot < end; slot += 1) this.readings[slot] = undefined;
  }

  /** Compares the bytes only of pages that are not known to be equal. */
  equals(other: Page): boolean {
    if (this.content === other.content) return true;
    if (!this.bytes.equals(other.bytes)) return false;
    const content = Math.min(this.content, other.content);
    this.content = content;
    other.content = content;
    return true;
  }

  /** What `read` makes of a sector, asked once for each content. */
  reading(sector: number, read: (bytes: Buffer, at: number, sector: number) => number): number {
    const slot = sector % SECTORS;
    if (this.readAs !== sector - slot) {
      this.readings.fill(undefined);
      this.readAs = sector - slot;
    }
    return (this.readings[slot] ??= read(this.bytes, slot * SECTOR_BYTES, sector));
  }
}

/** Where nothing was ever written. */
export const BLANK = new Page(Buffer.alloc(PAGE_BYTES));
