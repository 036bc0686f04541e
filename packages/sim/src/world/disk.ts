import { assert } from '@eterne/base';
import { PAGE_BYTES, type Page, SECTOR_BYTES } from './page.ts';
import { PageMap } from './page-map.ts';
import type { Prng } from './prng.ts';
import type { Universe } from './universe.ts';

/** How a disk answers. Times in milliseconds of true time. */
export interface DiskTemper {
  /** Part of the operations that complete before the call returns (a buffered store's fast path). */
  readonly syncChance: number;
  readonly latencyMs: readonly [number, number];
  readonly flushLatencyMs: readonly [number, number];
}

/** A completed change that power loss may still undo. */
interface Volatile {
  readonly offset: number;
  readonly data: Buffer;
}

/**
 * A disk with a volatile cache. What was completed but not flushed survives the death of a process and is kept, dropped or torn
 * sector by sector when the power goes: any subset of the un-flushed sectors may have reached the platter, and of
 * several versions of one sector any one.
 */
export class SimDisk {
  readonly name: string;
  sizeBytes = 0;
  temper: DiskTemper;
  /** Nothing completes while true. */
  hanging = false;
  /** Every operation fails with EIO while true. */
  broken = false;
  /** No change finds room while true. */
  full = false;
  locked = false;
  /** Flushes are answered, and nothing reaches the platter, while true. */
  lies = false;
  /** What it holds is not to be counted on, though it says so. */
  isDoubtful = false;
  /** Counts the disks that have been in this place: a store that was opened on an earlier one is of a device that is gone. */
  epoch = 0;
  /** Writes on their way to the cache, of whoever has it open. */
  inFlight: ReadonlySet<{ readonly offset: number; readonly lengthBytes: number }> = new Set();
  /** For the report on crash points: what it is for, and the name of what lies at an offset. */
  content: 'data' | 'metadata' = 'data';
  regionAt: (offset: number) => string = () => 'data';
  /** Called before each change. */
  onBeforeChange: (() => void) | undefined;
  /** Called for each change as it reaches the cache: the checkers' window. */
  onChange: ((offset: number, lengthBytes: number) => void) | undefined;
  /** Called for each change that finds no room, or sectors that take none. */
  onRefused: ((offset: number, lengthBytes: number) => void) | undefined;
  /** Counts everything that changes what is there. */
  version = 0;
  private cache = new PageMap();
  private durable = new PageMap();
  private unflushed: Volatile[] = [];
  /** How often sectors became unreadable. */
  spoilt = 0;
  /** Sectors that cannot be read until they are written. */
  private readonly unreadable = new Set<number>();
  /** Sectors that cannot be written, as long as this disk is in its place. */
  private readonly unwritable = new Set<number>();
  /** Blocks that a write was refused for: their content may be elsewhere from then on. */
  private readonly refused = new Set<number>();
  /** Sectors that the disk has altered by itself, and what was written there. */
  private readonly altered = new Map<number, Buffer>();
  private readonly chance: Prng;
  private readonly universe: Universe;

  constructor(universe: Universe, name: string) {
    this.universe = universe;
    this.name = name;
    this.chance = universe.prng(`disk:${name}`);
    this.temper = pickTemper(this.chance);
  }

  get random(): Prng {
    return this.chance;
  }

  read(offset: number, into: Buffer): void {
    this.cache.read(offset, into);
  }

  /** The page that a sector lies in, as it is; not to be changed. */
  page(sector: number): Page {
    return this.cache.page(pageStart(sector));
  }

  /** The page that a sector lies in, as it would be if the power failed now and every un-flushed sector were lost. */
  durablePage(sector: number): Page {
    return this.durable.page(pageStart(sector));
  }

  /** Keeps `data`, which nobody changes any more. */
  apply(offset: number, data: Buffer): void {
    this.onBeforeChange?.();
    this.version += 1;
    this.rewrite(offset, data.length);
    this.cache.write(offset, data);
    this.unflushed.push({ offset, data });
    this.universe.trace.mix(offset + data.length);
    this.onChange?.(offset, data.length);
  }

  /** Makes sectors unreadable; what is in them comes back when the disk is mended. */
  spoil(offset: number, sectorCount: number): void {
    this.spoilt += 1;
    const first = offset / SECTOR_BYTES;
    const last = Math.min(first + sectorCount, this.sizeBytes / SECTOR_BYTES);
    for (let sector = first; sector < last; sector += 1) this.unreadable.add(sector);
  }

  mend(): void {
    this.unreadable.clear();
  }

  isReadable(offset: number, lengthBytes: number): boolean {
    if (this.unreadable.size === 0) return true;
    const end = (offset + lengthBytes) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; sector += 1)
      if (this.unreadable.has(sector)) return false;
    return true;
  }

  /** Makes sectors that no write gets through to. */
  wearOut(offset: number, sectorCount: number): void {
    const first = offset / SECTOR_BYTES;
    for (let sector = first; sector < first + sectorCount; sector += 1) this.unwritable.add(sector);
  }

  /** Can it be written? A block that cannot is one that may be kept elsewhere from now on. */
  takes(offset: number, lengthBytes: number): boolean {
    if (this.unwritable.size === 0) return true;
    let takes = true;
    const end = (offset + lengthBytes) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; sector += 1) {
      if (!this.unwritable.has(sector)) continue;
      takes = false;
      this.refused.add(pageStart(sector));
    }
    return takes;
  }

  /** Is the content of this block on the platter, and nothing else on its way there? */
  isSettled(offset: number): boolean {
    const overlaps = (other: { readonly offset: number; readonly lengthBytes: number }): boolean =>
      other.offset < offset + PAGE_BYTES && offset < other.offset + other.lengthBytes;
    return (
      !this.unflushed.some(({ offset: at, data }) => overlaps({ offset: at, lengthBytes: data.length })) &&
      ![...this.inFlight].some(overlaps)
    );
  }

  /** Changes a settled block behind everybody's back: a bit that flips, a write for another place, one that never came. */
  alter(offset: number, content: Buffer): void {
    assert(content.length === PAGE_BYTES && this.isSettled(offset), 'a settled block is altered');
    const before = this.cache.page(offset).bytes;
    for (let at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
      const sector = Buffer.from(before.subarray(at, at + SECTOR_BYTES));
      if (!sector.equals(content.subarray(at, at + SECTOR_BYTES)))
        this.altered.set((offset + at) / SECTOR_BYTES, sector);
    }
    this.replaceSilently(offset, content);
  }

  /** Puts back what was written, where nobody else has. */
  restore(offset: number, lengthBytes: number): void {
    const end = (offset + lengthBytes) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; sector += 1) {
      const content = this.altered.get(sector);
      if (content === undefined) continue;
      this.altered.delete(sector);
      this.replaceSilently(sector * SECTOR_BYTES, content);
    }
  }

  /** Blocks that are not what was written. */
  get alteredBlocks(): readonly number[] {
    return [...new Set([...this.altered.keys()].map(pageStart))];
  }

  /** May the sector hold anything, because the disk has altered it, or because its content had to go elsewhere? */
  isForgiven(sector: number): boolean {
    return this.isDoubtful || this.altered.has(sector) || this.mayBeElsewhere(pageStart(sector));
  }

  /** Was a write of this block refused, so that whoever uses the disk may keep it in another place? */
  mayBeElsewhere(offset: number): boolean {
    return this.refused.has(offset);
  }

  /** Another, blank disk takes its place. */
  replace(): void {
    this.load(new PageMap(), 0);
    this.epoch += 1;
    this.unwritable.clear();
    this.unreadable.clear();
    this.locked = false;
    this.inFlight = new Set();
  }

  /** It is written. A power loss may take that, but does not bring back what the disk has made of it. */
  private forgetAltered(sector: number): void {
    const content = this.altered.get(sector);
    if (content === undefined) return;
    this.altered.delete(sector);
    this.durable.write(sector * SECTOR_BYTES, content);
  }

  private replaceSilently(offset: number, content: Buffer): void {
    this.version += 1;
    this.cache.write(offset, content);
    this.durable.write(offset, content);
  }

  private rewrite(offset: number, lengthBytes: number): void {
    if (this.unreadable.size === 0 && this.altered.size === 0) return;
    const end = (offset + lengthBytes) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; sector += 1) {
      this.unreadable.delete(sector);
      this.forgetAltered(sector);
    }
  }

  /** Marks the point up to which a flush that starts now must make changes durable. */
  flushPoint(): Volatile | undefined {
    return this.unflushed.at(-1);
  }

  /** Everything up to `point` reaches the platter. */
  flushUpTo(point: Volatile | undefined): void {
    if (point === undefined || this.lies) return;
    const count = this.unflushed.indexOf(point) + 1;
    for (const { offset, data } of this.unflushed.splice(0, count)) this.durable.write(offset, data);
  }

  get unflushedCount(): number {
    return this.unflushed.length;
  }

  losePower(): void {
    const before = this.unflushed.length;
    const { keep, tear } = this.pickFate();
    this.settleSome(this.durable, keep, tear);
    this.universe.trace.line(
      this.name,
      `loses power with ${before} un-flushed changes, keeps ${Math.round(keep * 100)} %${tear ? ' of the sectors' : ''}`,
    );
    this.version += 1;
    this.unflushed = [];
    this.cache = this.durable.clone();
    this.locked = false;
    this.hanging = false;
  }

  /** What is there now, or, with `afterPowerLoss`, what might be there if the power failed now. To be looked at only, and at once. */
  imagine(afterPowerLoss: boolean): PageMap {
    if (!afterPowerLoss || this.unflushed.length === 0) return this.cache;
    const pages = this.durable.clone();
    const { keep, tear } = this.pickFate();
    this.settleSome(pages, keep, tear);
    return pages;
  }

  /** What is there now, to be kept. */
  copy(): PageMap {
    return this.cache.clone();
  }

  /** What no power loss could take. */
  durableCopy(): PageMap {
    return this.durable.clone();
  }

  /** Replaces everything: the disk comes from elsewhere, flushed. */
  load(pages: PageMap, sizeBytes: number): void {
    this.version += 1;
    this.sizeBytes = sizeBytes;
    this.cache = pages.clone();
    this.durable = pages.clone();
    this.unflushed = [];
    this.altered.clear();
  }

  /** Offsets of the pages that are not all zeroes. */
  pageOffsets(): number[] {
    return this.cache.offsets();
  }

  private pickFate(): { readonly keep: number; readonly tear: boolean } {
    const { chance } = this;
    const keep = chance.weighted([
      [2, 0],
      [1, 1],
      [5, chance.unit()],
    ] as const);
    return { keep, tear: chance.chance(0.5) };
  }

  private settleSome(pages: PageMap, keep: number, tear: boolean): void {
    const { chance } = this;
    for (const { offset, data } of this.unflushed) {
      const pieceBytes = tear ? SECTOR_BYTES : data.length;
      for (let at = 0; at < data.length; at += pieceBytes)
        if (chance.chance(keep)) pages.write(offset + at, data.subarray(at, at + pieceBytes));
    }
  }
}

function pageStart(sector: number): number {
  const offset = sector * SECTOR_BYTES;
  return offset - (offset % PAGE_BYTES);
}

function pickTemper(chance: Prng): DiskTemper {
  return chance.weighted<() => DiskTemper>([
    [3, () => ({ syncChance: 1, latencyMs: [0, 0], flushLatencyMs: [0.1, 2] })],
    [3, () => ({ syncChance: 0, latencyMs: [0.02, 0.4], flushLatencyMs: [0.1, 4] })],
    [2, () => ({ syncChance: chance.unit(), latencyMs: [0.02, 2], flushLatencyMs: [0.1, 10] })],
    [1, () => ({ syncChance: 0, latencyMs: [1, 15], flushLatencyMs: [2, 40] })],
  ])();
}
