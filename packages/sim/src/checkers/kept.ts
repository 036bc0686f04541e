/**
 * Without a cluster somebody may force a side that lacks writes, and the other side loses a split brain. What is promised then: nothing is
 * silently thrown away (B2). Every acknowledged write is, in the end, on the volume or in an image that a rescue journal keeps, or was overwritten by
 * somebody who could have read it.
 *
 * A *session* is a device from its begin to its end; what its replica held when it began is its *base*. Who overwrote what follows from that: within
 * a session, a write that did not end before the other began; across sessions, what the base holds.
 */
import { assert } from '@eterne/base';
import { PAGE_BYTES, SECTOR_BYTES } from '../world/page.ts';
import type { PageMap } from '../world/page-map.ts';
import type { History, Operation } from './history.ts';
import { findDisorder } from './linearizable.ts';
import { FOREIGN, valueIn, ZERO } from './stamp.ts';

/** Where a write may have been kept. */
export interface Medium {
  readonly name: string;
  readonly pages: PageMap;
}

export class KeptChecker {
  private readonly history: History;
  private readonly bases = new Map<number, PageMap>();
  private readonly flushed = new Set<number>();
  /** By node: what it may lack since its power failed, although it was acknowledged. */
  private readonly doubtful = new Map<string, Set<number>>();
  /** What a power loss has taken, as it may. */
  private readonly excused = new Set<number>();
  /** What it has taken from a replica that was set aside: no image has that. */
  private readonly lostAside = new Set<number>();
  private readonly zeroes = new Map<number, Operation[]>();

  constructor(history: History) {
    this.history = history;
  }

  /** A session begins on what the node's replica holds. */
  served(session: number, node: string, content: PageMap): void {
    this.bases.set(session, content);
    this.prevails(node);
  }

  /**
   * Is what the clients of one session saw the behaviour of one disk, which held at first what the replica did? A sentence about the first that
   * was not, or undefined.
   */
  findDisorder(): string | undefined {
    for (const [session, base] of this.bases) {
      const operations = this.history.operations.filter(({ term }) => term === session);
      const held = new Set(operations.flatMap(sectorsOf));
      const before = [...held].flatMap((sector) => this.contentAs(base, sector, session));
      const disorder = findDisorder({
        operations: [...before, ...operations],
        fences: [],
        lastFlushBetween: () => 0,
      });
      if (disorder !== undefined) return `session ${session}: ${disorder}`;
    }
    return undefined;
  }

  /** What a sector of a base holds, as a write that was over before the session began. */
  private contentAs(base: PageMap, sector: number, session: number): Operation[] {
    const value = valueAt(base, sector);
    const writer = value === ZERO || value === FOREIGN ? undefined : this.history.operations[value - 1];
    if (writer === undefined) return [];
    const when = { invokedOrder: -2, returnedOrder: -1, invokedMs: -2, returnedMs: -1 };
    return [{ ...writer, ...when, firstSector: sector, sectorCount: 1, term: session }];
  }

  /** Changes that a flush of this session covers. */
  covered(session: number, changes: readonly Operation[]): void {
    for (const { id, term } of changes) if (term === session) this.flushed.add(id);
  }

  /**
   * Nothing that no flush has covered need be on this node any more. `wasOnlyMember`: of the in-sync set, while the other one serves. Then what was written there may still
   * be acknowledged by this node's word, which is on its way.
   */
  lostPower(node: string, wasOnlyMember: boolean): void {
    const doubtful = this.doubtful.get(node) ?? new Set();
    for (const { id, kind, returnedMs, durable } of this.history.operations) {
      const isPromised = returnedMs !== undefined || wasOnlyMember;
      if (kind === 'write' && isPromised && !durable && !this.flushed.has(id)) doubtful.add(id);
    }
    this.doubtful.set(node, doubtful);
  }

  /** What this node has is what counts from now on: it serves, or others copy from it. */
  prevails(node: string): void {
    for (const id of this.doubtful.get(node) ?? []) this.excused.add(id);
  }

  /** The node's replica is about to be overwritten, and kept as it is: what the power took of its own writes is in no image of it. */
  setAside(node: string): void {
    for (const id of this.doubtful.get(node) ?? [])
      if (this.history.operations[id - 1]?.node === node) this.lostAside.add(id);
  }

  /** The node's replica has everything that the source has. */
  isEqual(node: string, source: string): void {
    if (this.doubtful.get(node) !== undefined)
      this.doubtful.set(node, new Set(this.doubtful.get(source) ?? []));
  }

  /** A sentence about an acknowledged write that no medium has, or undefined. `hasImages`: of what was set aside, too. */
  findLost(media: readonly Medium[], hasImages: boolean): string | undefined {
    for (const operation of this.history.operations)
      if (operation.kind === 'zero')
        for (const sector of sectorsOf(operation)) {
          const known = this.zeroes.get(sector);
          if (known === undefined) this.zeroes.set(sector, [operation]);
          else known.push(operation);
        }
    for (const write of this.history.operations) {
      if (write.kind !== 'write' || write.returnedMs === undefined || this.excused.has(write.id)) continue;
      if (hasImages && this.lostAside.has(write.id)) continue;
      for (const sector of sectorsOf(write))
        if (!media.some(({ pages }) => this.isIn(pages, sector, write)))
          return `write ${write.id} of session ${write.term} on ${write.node} is nowhere: sector ${sector} holds ${media
            .map(({ name, pages }) => `${valueAt(pages, sector)} in ${name}`)
            .join(', ')}`;
    }
    return undefined;
  }

  /** Does the sector hold the write, or something that was written over it? `before`: by sessions older than this one. */
  private isIn(pages: PageMap, sector: number, write: Operation, before = Number.POSITIVE_INFINITY): boolean {
    const value = valueAt(pages, sector);
    if (value === FOREIGN) return false;
    if (value !== ZERO) {
      const holder = this.history.operations[value - 1];
      assert(holder !== undefined, `write ${value} was made`);
      return this.isOver(holder, sector, write);
    }
    return (this.zeroes.get(sector) ?? []).some(
      (zero) => zero.term < before && this.isOver(zero, sector, write),
    );
  }

  private isOver(holder: Operation, sector: number, write: Operation): boolean {
    if (holder.term === write.term) return (holder.returnedMs ?? Number.POSITIVE_INFINITY) >= write.invokedMs;
    if (holder.term < write.term) return false;
    const base = this.bases.get(holder.term);
    assert(base !== undefined, `session ${holder.term} has a base`);
    return this.isIn(base, sector, write, holder.term);
  }
}

function sectorsOf({ firstSector, sectorCount }: Operation): number[] {
  return Array.from({ length: sectorCount }, (_, i) => firstSector + i);
}

function valueAt(pages: PageMap, sector: number): number {
  const offset = sector * SECTOR_BYTES;
  const within = offset % PAGE_BYTES;
  return valueIn(pages.page(offset - within), sector);
}
