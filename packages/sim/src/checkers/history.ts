/** What the clients of one volume saw, in true time: the ground truth that the checkers judge by. */
import { assert } from '@eterne/base';
import { ZERO } from './stamp.ts';

/**
 * One operation of a client. Times are true milliseconds; `returnedMs` is undefined while nobody knows the outcome. Orders number what
 * happened in the whole history, also within one instant.
 */
export interface Operation {
  readonly id: number;
  readonly kind: 'read' | 'write' | 'zero' | 'flush';
  readonly firstSector: number;
  readonly sectorCount: number;
  readonly term: number;
  readonly node: string;
  readonly durable: boolean;
  readonly invokedMs: number;
  readonly invokedOrder: number;
  /** Of the device's answer, where that had a way to go: set before it is told. By then the operation has taken effect. */
  returnedOrder: number;
  returnedMs: number | undefined;
  /** Reads: the value of each sector. */
  values: readonly number[] | undefined;
}

/** From here on every operation of an older term has either taken effect or never will. */
export interface Fence {
  readonly kind: 'fence';
  readonly atMs: number;
  readonly order: number;
  readonly term: number;
  /**
   * The replica now promoted had lost power while it was in the set: like a single disk after a power cut, it may have lost
   * what no flush had covered.
   */
  readonly lossy: boolean;
  /** What it shows is on its platter: it was that replica itself that lost power. Otherwise its cache may still lose what no flush has covered. */
  readonly settled: boolean;
}

/** What is known of one sector, kept up to date as operations return. */
interface SectorTruth {
  /** The latest start of an acknowledged change: what ended before it is stale. */
  mustMs: number;
  /** The same of changes that a flush has covered. */
  durableMustMs: number;
  /** The latest end of a change to zeroes, and how many have not ended. */
  zeroEndMs: number;
  zeroesOpen: number;
  /** When (in order) it was known that a flush had covered changes, and the latest begin of all that were covered by then. */
  readonly covered: { readonly order: number; readonly sinceMs: number }[];
}

const NEVER_MS = -1;

export class History {
  readonly operations: Operation[] = [];
  readonly fences: Fence[] = [];
  /** Writes and discards begun. */
  changeCount = 0;
  /** Operations that were answered. */
  answered = 0;
  private order = 0;
  private readonly sectors = new Map<number, SectorTruth>();
  /** As `touched` gave them last. */
  private touchedSectors: readonly number[] = [];
  private readonly flushes: Operation[] = [];
  /** Acknowledged changes that no flush has covered yet. */
  private uncovered: Operation[] = [];
  private readonly covers: (flush: Operation, change: Operation) => boolean;

  /** `covers`: whether the flush is for that change at all; of two devices each is for its own. */
  constructor(covers: (flush: Operation, change: Operation) => boolean = () => true) {
    this.covers = covers;
  }

  begin(
    what: Pick<Operation, 'kind' | 'firstSector' | 'sectorCount' | 'term' | 'node' | 'durable'>,
    nowMs: number,
  ): Operation {
    const operation: Operation = {
      ...what,
      id: this.operations.length + 1,
      invokedMs: nowMs,
      invokedOrder: this.nextOrder(),
      returnedOrder: Number.POSITIVE_INFINITY,
      returnedMs: undefined,
      values: undefined,
    };
    this.operations.push(operation);
    if (what.kind === 'write' || what.kind === 'zero') this.changeCount += 1;
    if (what.kind === 'zero') for (const truth of this.truths(operation)) truth.zeroesOpen += 1;
    return operation;
  }

  /** For `Operation.returnedOrder`: now. */
  mark(): number {
    return this.nextOrder();
  }

  /** A change was acknowledged. */
  acknowledge(operation: Operation, nowMs: number): void {
    assert(operation.returnedMs === undefined, 'an operation returns once');
    this.settle(operation, nowMs);
    for (const truth of this.truths(operation)) {
      if (operation.kind === 'zero') {
        truth.zeroesOpen -= 1;
        truth.zeroEndMs = nowMs;
      }
      truth.mustMs = Math.max(truth.mustMs, operation.invokedMs);
      if (!operation.durable) continue;
      truth.durableMustMs = Math.max(truth.durableMustMs, operation.invokedMs);
      this.cover(truth, operation);
    }
    if (!operation.durable) this.uncovered.push(operation);
  }

  answerRead(operation: Operation, values: readonly number[], nowMs: number): void {
    this.settle(operation, nowMs);
    operation.values = values;
  }

  /** A flush was acknowledged. Returns the changes it covers: those acknowledged before it began. */
  acknowledgeFlush(flush: Operation, nowMs: number): readonly Operation[] {
    this.settle(flush, nowMs);
    this.flushes.push(flush);
    const covered: Operation[] = [];
    this.uncovered = this.uncovered.filter((change) => {
      const isOver = (change.returnedMs ?? Number.POSITIVE_INFINITY) < flush.invokedMs;
      if (!isOver || !this.covers(flush, change)) return true;
      covered.push(change);
      return false;
    });
    for (const change of covered)
      for (const truth of this.truths(change)) {
        truth.durableMustMs = Math.max(truth.durableMustMs, change.invokedMs);
        this.cover(truth, change);
      }
    return covered;
  }

  fence(term: number, lossy: boolean, nowMs: number, settled = lossy): void {
    this.fences.push({ kind: 'fence', atMs: nowMs, order: this.nextOrder(), term, lossy, settled });
  }

  /** From now on only what a flush has covered must be there. */
  lose(): void {
    this.uncovered = [];
    for (const truth of this.sectors.values()) truth.mustMs = truth.durableMustMs;
  }

  /** True when `value` was surely overwritten by an acknowledged change: no replica of the set may still show it. */
  isStale(sector: number, value: number): boolean {
    const truth = this.sectors.get(sector);
    return truth !== undefined && this.endOf(sector, value) < truth.mustMs;
  }

  /** The same for the platter, after a flush has covered the change that began at `sinceMs`. */
  isOlderThan(sector: number, value: number, sinceMs: number): boolean {
    return this.endOf(sector, value) < sinceMs;
  }

  /** The latest begin of a change of this sector that was known to be covered before `order`; undefined: there is none. */
  coveredSince(sector: number, order: number): number | undefined {
    return this.sectors.get(sector)?.covered.findLast((known) => known.order < order)?.sinceMs;
  }

  /** When (in order) the newest flush began that began and was acknowledged between two orders; 0: none. */
  lastFlushBetween(since: number, until: number): number {
    let newest = 0;
    for (const { invokedOrder, returnedOrder } of this.flushes)
      if (invokedOrder >= since && returnedOrder <= until) newest = Math.max(newest, invokedOrder);
    return newest;
  }

  /** Sectors that were ever written. */
  touched(): readonly number[] {
    if (this.touchedSectors.length < this.sectors.size)
      this.touchedSectors = [...this.sectors.keys()].toSorted((x, y) => x - y);
    return this.touchedSectors;
  }

  private cover({ covered }: SectorTruth, { invokedMs }: Operation): void {
    const sinceMs = Math.max(invokedMs, covered.at(-1)?.sinceMs ?? invokedMs);
    covered.push({ order: this.order, sinceMs });
  }

  private settle(operation: Operation, nowMs: number): void {
    this.answered += 1;
    operation.returnedMs = nowMs;
    operation.returnedOrder = Math.min(operation.returnedOrder, this.nextOrder());
  }

  private nextOrder(): number {
    this.order += 1;
    return this.order;
  }

  private endOf(sector: number, value: number): number {
    if (value === ZERO) {
      const truth = this.sectors.get(sector);
      return truth === undefined || truth.zeroesOpen > 0 ? Number.POSITIVE_INFINITY : truth.zeroEndMs;
    }
    const writer = this.operations[value - 1];
    if (writer === undefined || writer.kind !== 'write') return Number.NEGATIVE_INFINITY;
    return writer.returnedMs ?? Number.POSITIVE_INFINITY;
  }

  private *truths(operation: Operation): Generator<SectorTruth> {
    for (let i = 0; i < operation.sectorCount; i += 1) {
      const sector = operation.firstSector + i;
      let truth = this.sectors.get(sector);
      if (truth === undefined) {
        truth = {
          mustMs: NEVER_MS,
          durableMustMs: NEVER_MS,
          zeroEndMs: NEVER_MS,
          zeroesOpen: 0,
          covered: [],
        };
        this.sectors.set(sector, truth);
      }
      yield truth;
    }
  }
}
