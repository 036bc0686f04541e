import type { SimDisk } from './disk.ts';
import { type Page, SECTOR_BYTES } from './page.ts';
import { PageMap } from './page-map.ts';

/** The data of a replica, as checkers look at it and as faults alter it: one disk, or those of a mirror set as one. */
export type ReplicaDisk = Pick<
  SimDisk,
  | 'name'
  | 'sizeBytes'
  | 'page'
  | 'durablePage'
  | 'pageOffsets'
  | 'read'
  | 'imagine'
  | 'copy'
  | 'isForgiven'
  | 'mayBeElsewhere'
  | 'isSettled'
  | 'alter'
  | 'alteredBlocks'
  | 'restore'
>;

export interface DiskPart {
  readonly start: number;
  readonly disk: SimDisk;
}

/** The disks of a mirror set one behind the other. Each is used from its beginning to where the next one begins. */
export class ChainedDisks implements ReplicaDisk {
  readonly name: string;
  private readonly parts: readonly DiskPart[];

  constructor(name: string, parts: readonly DiskPart[]) {
    this.name = name;
    this.parts = parts;
  }

  /** 0: nobody has made them all. */
  get sizeBytes(): number {
    const { start, disk } = this.last;
    return this.parts.some((part) => part.disk.sizeBytes === 0) ? 0 : start + disk.sizeBytes;
  }

  get alteredBlocks(): readonly number[] {
    return this.parts.flatMap(({ start, disk }) => disk.alteredBlocks.map((offset) => start + offset));
  }

  page(sector: number): Page {
    const { start, disk } = this.at(sector * SECTOR_BYTES);
    return disk.page(sector - start / SECTOR_BYTES);
  }

  durablePage(sector: number): Page {
    const { start, disk } = this.at(sector * SECTOR_BYTES);
    return disk.durablePage(sector - start / SECTOR_BYTES);
  }

  isForgiven(sector: number): boolean {
    const { start, disk } = this.at(sector * SECTOR_BYTES);
    return disk.isForgiven(sector - start / SECTOR_BYTES);
  }

  mayBeElsewhere(offset: number): boolean {
    const { start, disk } = this.at(offset);
    return disk.mayBeElsewhere(offset - start);
  }

  isSettled(offset: number): boolean {
    const { start, disk } = this.at(offset);
    return disk.isSettled(offset - start);
  }

  alter(offset: number, content: Buffer): void {
    const { start, disk } = this.at(offset);
    disk.alter(offset - start, content);
  }

  restore(offset: number, lengthBytes: number): void {
    for (const { start, disk } of this.parts)
      if (offset < start + disk.sizeBytes && start < offset + lengthBytes)
        disk.restore(Math.max(0, offset - start), Math.min(lengthBytes, offset + lengthBytes - start));
  }

  /** Within one page. */
  read(offset: number, into: Buffer): void {
    const { start, disk } = this.at(offset);
    disk.read(offset - start, into);
  }

  pageOffsets(): number[] {
    return this.parts.flatMap(({ start, disk }) => disk.pageOffsets().map((offset) => start + offset));
  }

  imagine(afterPowerLoss: boolean): PageMap {
    return this.joined((disk) => disk.imagine(afterPowerLoss));
  }

  copy(): PageMap {
    return this.joined((disk) => disk.copy());
  }

  private joined(contentOf: (disk: SimDisk) => PageMap): PageMap {
    const pages = new PageMap();
    for (const { start, disk } of this.parts) pages.place(contentOf(disk), start);
    return pages;
  }

  private get last(): DiskPart {
    return this.parts.at(-1) as DiskPart;
  }

  private at(offset: number): DiskPart {
    const after = this.parts.findIndex(({ start }) => start > offset);
    return (after < 0 ? this.last : this.parts[after - 1]) as DiskPart;
  }
}
