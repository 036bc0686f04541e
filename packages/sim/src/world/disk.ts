import { assert } from '@eterne/base';
import type { Prng } from './prng.ts';
import type { Universe } from './universe.ts';

export const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;

/** How a disk answers. Times in milliseconds of true time. */
export interface DiskTemper {
  /** Part of the operations that complete before the call returns (a buffered store's fast path). */
  readonly syncChance: number;
  readonly latencyMs: readonly [number, number];
  readonly flushLatencyMs: readonly [number, number];
}

/** Bytes by page; pages never written read as zeroes. */
export class PageMap {
  readonly pages = new Map<number, Buffer>();

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

  /** Cuts everything from `sizeBytes` on. */
  truncate(sizeBytes: number): void {
    for (const [number, page] of this.pages) {
      const start = number * PAGE_BYTES;
      if (start >= sizeBytes) this.pages.delete(number);
      else if (start + PAGE_BYTES > sizeBytes) page.fill(0, sizeBytes - start);
    }
  }
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
  locked = false;
  /** Called for each change as it reaches the cache: the checkers' window. */
  onChange: ((offset: number, lengthBytes: number) => void) | undefined;
  private readonly cache = new PageMap();
  private readonly durable = new PageMap();
  private unflushed: Volatile[] = [];
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

  /** What would be there if the power failed now and every un-flushed sector were lost. */
  readDurable(offset: number, into: Buffer): void {
    this.durable.read(offset, into);
  }

  /** Keeps `data`: the caller gives a copy. */
  apply(offset: number, data: Buffer): void {
    this.cache.write(offset, data);
    this.unflushed.push({ offset, data });
    this.universe.trace.mix(offset + data.length);
    this.onChange?.(offset, data.length);
  }

  /** Marks the point up to which a flush that starts now must make changes durable. */
  flushPoint(): Volatile | undefined {
    return this.unflushed.at(-1);
  }

  /** Everything up to `point` reaches the platter. */
  flushUpTo(point: Volatile | undefined): void {
    if (point === undefined) return;
    const count = this.unflushed.indexOf(point) + 1;
    for (const change of this.unflushed.splice(0, count)) this.settle(change);
  }

  get unflushedCount(): number {
    return this.unflushed.length;
  }

  losePower(): void {
    const { chance } = this;
    const keep = chance.weighted([
      [2, 0],
      [1, 1],
      [5, chance.unit()],
    ] as const);
    const tear = chance.chance(0.5);
    for (const change of this.unflushed) {
      if (!tear) {
        if (chance.chance(keep)) this.settle(change);
        continue;
      }
      for (let at = 0; at < change.data.length; at += SECTOR_BYTES)
        if (chance.chance(keep))
          this.settle({
            offset: change.offset + at,
            data: change.data.subarray(at, at + SECTOR_BYTES),
          });
    }
    this.universe.trace.line(
      this.name,
      `loses power with ${this.unflushed.length} un-flushed changes, keeps ${Math.round(keep * 100)} %${tear ? ' of the sectors' : ''}`,
    );
    this.unflushed = [];
    this.cache.pages.clear();
    for (const [number, page] of this.durable.pages) this.cache.pages.set(number, Buffer.from(page));
    this.locked = false;
    this.hanging = false;
  }

  /** Offsets of the pages ever written. */
  pageOffsets(): number[] {
    return [...this.cache.pages.keys()].map((number) => number * PAGE_BYTES);
  }

  private settle(change: Volatile): void {
    assert(change.offset % SECTOR_BYTES === 0, 'a disk changes by sectors');
    this.durable.write(change.offset, change.data);
  }
}

function pickTemper(chance: Prng): DiskTemper {
  return chance.weighted<() => DiskTemper>([
    [3, () => ({ syncChance: 1, latencyMs: [0, 0], flushLatencyMs: [0.1, 2] })],
    [3, () => ({ syncChance: 0, latencyMs: [0.02, 0.4], flushLatencyMs: [0.1, 4] })],
    [2, () => ({ syncChance: chance.unit(), latencyMs: [0.02, 2], flushLatencyMs: [0.1, 10] })],
    [1, () => ({ syncChance: 0, latencyMs: [1, 15], flushLatencyMs: [2, 40] })],
  ])();
}
