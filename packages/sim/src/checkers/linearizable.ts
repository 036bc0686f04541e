/**
 * Is what the clients saw the behaviour of one disk? Each 512-byte sector is a register; its history must have an order in which every
 * operation takes effect at one instant between its call and its return, and every read returns the newest write
 * before it. Just-in-time linearisation (Lowe, "Testing for linearizability", 2017): the possible states are carried along, and
 * a pending operation is put in order only when something returns that needs it.
 *
 * Un-acknowledged changes may take effect at any time until a newer term opens, or never. A `lossy` fence
 * gives the sector back any content that a disk with a volatile cache could have after a power cut.
 */
import { FOREIGN, ZERO } from './stamp.ts';
import type { Fence, History, Operation } from './history.ts';

interface Access {
  readonly operation: Operation;
  /** What it writes or has read. */
  readonly value: number;
  /** Its bit in `Possibility.happened` while it is pending. */
  bit: number;
}

type Step =
  | { readonly kind: 'call' | 'return'; readonly order: number; readonly access: Access }
  | { readonly kind: 'fence'; readonly order: number; readonly fence: Fence };

/** One way things may be: the sector's value, the value it had at the last settled fence, and which pending accesses have happened. */
interface Possibility {
  readonly value: number;
  readonly base: number;
  readonly happened: number;
}

/** More than this and the sector’s history is given up as too wide; mirror seed 9303139 needs more than 20,000. */
const POSSIBILITIES_MAX = 200_000;
/** Bits of a small integer; a few workers for each of a few terms. */
const PENDING_MAX = 30;
/** Of a sector, so that `happened`, `value` and `base` have room side by side in 53 bits. */
const VALUES_MAX = 2 ** 11;

/**
 * A disk that refuses writes leaves many whose outcome nobody knows. When more of them are pending, each may happen several times: which of
 * them have is then not part of a possibility, and their number stays small.
 */
const OPEN_MAX = 8;

/** Of a history, what has been done. */
export type Past = Pick<History, 'operations' | 'fences' | 'lastFlushBetween'>;

/** A sentence about the first sector whose history has no order, or undefined. Sectors that share one history are judged once. */
export function findDisorder(history: Past): string | undefined {
  const late = history.operations.find((operation) => outlivesTerm(operation, history.fences));
  if (late !== undefined) return `${describe(late)} was answered although a newer term had opened`;
  const judged = new Set<string>();
  const past = withFlushedFences(history);
  for (const [sector, accesses] of accessesBySector(history)) {
    const foreign = accesses.find(({ value }) => value === FOREIGN);
    if (foreign !== undefined)
      return `sector ${sector}: ${describe(foreign.operation)} returned bytes nobody wrote`;
    const seen = observable(accesses);
    if (seen.length === 0) continue;
    const key = seen.map(({ operation, value }) => `${operation.id}=${value}`).join();
    if (judged.has(key)) continue;
    judged.add(key);
    const problem = new SectorJudge(seen, past).judge();
    if (problem !== undefined) return `sector ${sector}: ${problem}`;
  }
  return undefined;
}

function outlivesTerm(operation: Operation, fences: readonly Fence[]): boolean {
  return fenceWithin(operation, fences) !== undefined;
}

/** The first newer term that opened between call and return. */
function fenceWithin(
  { term, invokedOrder, returnedOrder }: Operation,
  fences: readonly Fence[],
): Fence | undefined {
  if (returnedOrder === Number.POSITIVE_INFINITY) return undefined;
  return fences.find(
    (fence) => fence.term > term && fence.order > invokedOrder && fence.order < returnedOrder,
  );
}

/**
 * Where no lease ends with a term: a process that stood still may pass on an answer when a newer one has opened long since. It says no more than that the
 * operation had taken effect before.
 */
export function withLateAnswers(history: Past): Past {
  const { fences } = history;
  const operations = history.operations.map((operation) => {
    const fence = fenceWithin(operation, fences);
    return fence === undefined ? operation : { ...operation, returnedOrder: fence.order - 0.5 };
  });
  return { operations, fences, lastFlushBetween: history.lastFlushBetween.bind(history) };
}

function withFlushedFences(history: Past): Past {
  const fences = history.fences.map((fence) => orFlushed(fence, history));
  const { operations } = history;
  return { operations, fences, lastFlushBetween: history.lastFlushBetween.bind(history) };
}

/** What a promoted replica shows is on its platter, too, once a flush has covered it, before power is lost again. Of what it had lost by then that flush says nothing. */
function orFlushed(fence: Fence, history: Past): Fence {
  const next = history.fences.find(({ lossy, order }) => lossy && order > fence.order);
  const isFlushed = history.lastFlushBetween(fence.order, next?.order ?? Number.POSITIVE_INFINITY) > 0;
  return { ...fence, settled: fence.lossy && (fence.settled || isFlushed) };
}

function accessesBySector({ operations }: Past): Map<number, Access[]> {
  const bySector = new Map<number, Access[]>();
  for (const operation of operations) {
    if (operation.kind === 'flush') continue;
    if (operation.kind === 'read' && operation.values === undefined) continue;
    for (let i = 0; i < operation.sectorCount; i += 1) {
      const sector = operation.firstSector + i;
      let accesses = bySector.get(sector);
      if (accesses === undefined) bySector.set(sector, (accesses = []));
      accesses.push({ operation, value: valueAt(operation, i), bit: 0 });
    }
  }
  return bySector;
}

function valueAt(operation: Operation, index: number): number {
  if (operation.kind === 'zero') return ZERO;
  if (operation.kind === 'write') return operation.id;
  return operation.values?.[index] ?? FOREIGN;
}

/** Without reads there is nothing to judge; and a change that never returned and that nobody has read need not have happened. */
function observable(accesses: readonly Access[]): Access[] {
  const read = new Set<number>();
  for (const { operation, value } of accesses) if (operation.kind === 'read') read.add(value);
  if (read.size === 0) return [];
  return accesses.filter(({ operation, value }) => !isOpen(operation) || read.has(value));
}

function isOpen({ returnedOrder }: Operation): boolean {
  return returnedOrder === Number.POSITIVE_INFINITY;
}

class SectorJudge {
  private readonly accesses: readonly Access[];
  private readonly history: Past;
  private readonly pending = new Set<Access>();
  private usedBits = 0;
  private isTooWide = false;
  /** Each value's number, from 0. */
  private readonly numbers: ReadonlyMap<number, number>;
  private possible: Possibility[] = [{ value: ZERO, base: ZERO, happened: 0 }];

  constructor(accesses: readonly Access[], history: Past) {
    this.accesses = accesses;
    this.history = history;
    const values = new Set([ZERO, ...accesses.map(({ value }) => value)]);
    this.numbers = new Map([...values].map((value, i) => [value, i]));
    this.isTooWide = values.size > VALUES_MAX;
  }

  judge(): string | undefined {
    for (const step of stepsOf(this.accesses, this.history)) {
      const before = this.possible;
      this.take(step);
      if (this.isTooWide) return 'the history is too wide to judge';
      if (step.kind === 'return' && this.possible.length === 0)
        return complain(step.access, before, this.accesses);
    }
    return undefined;
  }

  private take(step: Step): void {
    switch (step.kind) {
      case 'call':
        return this.called(step.access);
      case 'return':
        return this.returned(step.access);
      case 'fence':
        return this.fenced(step.fence);
    }
  }

  private called(access: Access): void {
    this.isTooWide ||= this.pending.size >= PENDING_MAX;
    const bit = ~this.usedBits & (this.usedBits + 1);
    this.usedBits |= bit;
    access.bit = bit;
    this.pending.add(access);
    if (access.operation.kind === 'read') this.possible = this.possible.map((state) => this.withReads(state));
  }

  /** Only states in which `access` has happened go on. */
  private returned(access: Access): void {
    const { bit } = access;
    const hasHappened = ({ happened }: Possibility): boolean => (happened & bit) !== 0;
    const after = this.reachable(hasHappened).filter(hasHappened);
    this.release(access);
    this.possible = after.map((state) => without(state, bit));
  }

  private release(access: Access): void {
    this.pending.delete(access);
    this.usedBits &= ~access.bit;
  }

  /** A pending read that could return now loses nothing by happening now. */
  private withReads(state: Possibility): Possibility {
    let { happened } = state;
    for (const { operation, value, bit } of this.pending)
      if (operation.kind === 'read' && value === state.value) happened |= bit;
    return happened === state.happened ? state : { ...state, happened };
  }

  /**
   * The states that are reached by letting pending changes happen one after another. One that `isEnough` goes no further: whatever
   * happens after it can do so when something needs it.
   */
  private reachable(isEnough: (state: Possibility) => boolean): Possibility[] {
    const changes = [...this.pending].filter(({ operation }) => operation.kind !== 'read');
    const open = changes.filter(({ operation }) => isOpen(operation));
    const repeatable = open.length > OPEN_MAX ? open.reduce((bits, { bit }) => bits | bit, 0) : 0;
    const seen = new Map<number, Possibility>();
    const queue = this.possible.map((state) => without(state, repeatable));
    for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
      const key = this.numberOf(state);
      if (seen.has(key)) continue;
      seen.set(key, state);
      this.isTooWide ||= seen.size > POSSIBILITIES_MAX;
      if (this.isTooWide) break;
      if (isEnough(state)) continue;
      for (const { value, bit } of changes)
        if ((state.happened & bit) === 0)
          queue.push(this.withReads({ ...state, value, happened: state.happened | (bit & ~repeatable) }));
    }
    return [...seen.values()];
  }

  /** Pending accesses of older terms end here, having happened or not. */
  private fenced(fence: Fence): void {
    const ended = [...this.pending].filter(({ operation }) => operation.term < fence.term);
    if (ended.length > 0) {
      const bits = ended.reduce((all, { bit }) => all | bit, 0);
      this.possible = this.reachable(() => false).map((state) => without(state, bits));
      for (const access of ended) this.release(access);
    }
    if (fence.lossy) this.possible = lose(this.possible, fence, this.accesses, this.history);
    this.possible = [...new Map(this.possible.map((state) => [this.numberOf(state), state])).values()];
  }

  /** Another one for every possibility. */
  private numberOf({ value, base, happened }: Possibility): number {
    const { numbers } = this;
    const content = (numbers.get(base) ?? 0) * VALUES_MAX + (numbers.get(value) ?? 0);
    return content * 2 ** PENDING_MAX + happened;
  }
}

/** With some accesses, now forgotten or open again, not among those that have happened. */
function without({ value, base, happened }: Possibility, bits: number): Possibility {
  return { value, base, happened: happened & ~bits };
}

function stepsOf(accesses: readonly Access[], history: Past): Step[] {
  const steps: Step[] = [];
  for (const access of accesses) {
    const { invokedOrder, returnedOrder } = access.operation;
    steps.push({ kind: 'call', order: invokedOrder, access });
    if (returnedOrder !== Number.POSITIVE_INFINITY)
      steps.push({ kind: 'return', order: returnedOrder, access });
  }
  for (const fence of history.fences) steps.push({ kind: 'fence', order: fence.order, fence });
  return steps.toSorted((x, y) => x.order - y.order);
}

/** After a power cut a sector holds what was on the platter after the last one, or any later write, unless a flush had covered a newer one. */
function lose(
  possible: readonly Possibility[],
  fence: Fence,
  accesses: readonly Access[],
  history: Past,
): Possibility[] {
  const since = history.fences.findLast(({ settled, order }) => settled && order < fence.order)?.order ?? 0;
  const coveredFrom = history.lastFlushBetween(since, fence.order);
  const changes: Access[] = [];
  let floor = 0;
  for (const access of accesses) {
    const { kind, invokedOrder, returnedOrder, durable } = access.operation;
    if (kind === 'read' || invokedOrder < since || invokedOrder > fence.order) continue;
    changes.push(access);
    const isDurable = durable ? returnedOrder < fence.order : returnedOrder < coveredFrom;
    if (isDurable) floor = Math.max(floor, invokedOrder);
  }
  const values = changes
    .filter(({ operation }) => operation.returnedOrder >= floor)
    .map(({ value }) => value);
  return possible.flatMap(({ base, happened }) =>
    (floor === 0 ? [base, ...values] : values).map((value) => ({
      value,
      base: fence.settled ? value : base,
      happened,
    })),
  );
}

function complain(access: Access, before: readonly Possibility[], accesses: readonly Access[]): string {
  const could = [...new Set(before.map(({ value }) => value))].join(' or ');
  const recent = accesses
    .filter(({ operation }) => operation.invokedMs <= (access.operation.returnedMs ?? 0))
    .slice(-8)
    .map(({ operation, value }) => `${describe(operation)} = ${value}`)
    .join('; ');
  return `${describe(access.operation)} = ${access.value}, where ${could} was possible. Accesses: ${recent}`;
}

function describe({ id, kind, node, term, invokedMs, returnedMs }: Operation): string {
  const end = returnedMs === undefined ? '?' : returnedMs.toFixed(2);
  return `${kind} #${id} of ${node} in term ${term} [${invokedMs.toFixed(2)}, ${end}]`;
}
