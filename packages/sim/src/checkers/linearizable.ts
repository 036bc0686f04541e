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
}

type Step =
  | { readonly kind: 'call' | 'return'; readonly order: number; readonly access: Access }
  | { readonly kind: 'fence'; readonly order: number; readonly fence: Fence };

/** One way things may be: the sector's value, the value it had at the last lossy fence, and which pending accesses have happened. */
interface Possibility {
  readonly value: number;
  readonly base: number;
  readonly happened: ReadonlySet<Access>;
}

/** More than this and the sector's history is given up as too wide; no seed has come near. */
const POSSIBILITIES_MAX = 20_000;

/**
 * A disk that refuses writes leaves many whose outcome nobody knows. When more of them are pending, each may happen several times: which of
 * them have is then not part of a possibility, and their number stays small.
 */
const OPEN_MAX = 8;
const NONE: ReadonlySet<Access> = new Set();

/** A sentence about the first sector whose history has no order, or undefined. Sectors that share one history are judged once. */
export function findDisorder(history: History): string | undefined {
  const bySector = new Map<number, Access[]>();
  for (const operation of history.operations) {
    if (operation.kind === 'flush') continue;
    if (operation.kind === 'read' && operation.values === undefined) continue;
    for (let i = 0; i < operation.sectorCount; i += 1) {
      const sector = operation.firstSector + i;
      const value = valueAt(operation, i);
      if (value === FOREIGN) return `sector ${sector}: ${describe(operation)} returned bytes nobody wrote`;
      let accesses = bySector.get(sector);
      if (accesses === undefined) bySector.set(sector, (accesses = []));
      accesses.push({ operation, value });
    }
  }
  const judged = new Set<string>();
  for (const [sector, accesses] of bySector) {
    const key = accesses.map(({ operation, value }) => `${operation.id}=${value}`).join();
    if (judged.has(key)) continue;
    judged.add(key);
    const problem = checkSector(accesses, history);
    if (problem !== undefined) return `sector ${sector}: ${problem}`;
  }
  return undefined;
}

function valueAt(operation: Operation, index: number): number {
  if (operation.kind === 'zero') return ZERO;
  if (operation.kind === 'write') return operation.id;
  return operation.values?.[index] ?? FOREIGN;
}

function checkSector(accesses: readonly Access[], history: History): string | undefined {
  const pending = new Set<Access>();
  let possible: Possibility[] = [{ value: ZERO, base: ZERO, happened: new Set() }];
  for (const step of stepsOf(accesses, history)) {
    if (step.kind === 'call') {
      pending.add(step.access);
      possible = step.access.operation.kind === 'read' ? markReads(possible, pending) : possible;
      continue;
    }
    if (step.kind === 'return') {
      const before = possible;
      possible = settle(expand(possible, pending), step.access);
      pending.delete(step.access);
      if (possible.length === 0) return complain(step.access, before, accesses);
    }
    if (step.kind === 'fence') possible = atFence(possible, pending, step.fence, accesses, history);
    if (possible.length > POSSIBILITIES_MAX) return 'the history is too wide to judge';
  }
  return undefined;
}

function stepsOf(accesses: readonly Access[], history: History): Step[] {
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

/** A pending read that could return now loses nothing by happening now. */
function markReads(possible: readonly Possibility[], pending: ReadonlySet<Access>): Possibility[] {
  return possible.map((state) => {
    let happened: Set<Access> | undefined;
    for (const access of pending)
      if (access.operation.kind === 'read' && access.value === state.value && !state.happened.has(access))
        (happened ??= new Set(state.happened)).add(access);
    return happened === undefined ? state : { ...state, happened };
  });
}

/** Every state that can be reached by letting pending changes happen, in any number and order. */
function expand(possible: readonly Possibility[], pending: ReadonlySet<Access>): Possibility[] {
  const open = [...pending].filter(({ operation }) => operation.returnedOrder === Number.POSITIVE_INFINITY);
  const mayRepeat = open.length > OPEN_MAX ? new Set(open) : NONE;
  const order = [...pending].filter((access) => !mayRepeat.has(access));
  const keyOf = ({ value, base, happened }: Possibility): string =>
    `${value},${base},${order.map((access) => (happened.has(access) ? 1 : 0)).join('')}`;
  const seen = new Map<string, Possibility>();
  const queue = markReads(possible, pending);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const key = keyOf(state);
    if (seen.has(key)) continue;
    seen.set(key, state);
    if (seen.size > POSSIBILITIES_MAX) break;
    for (const access of pending) {
      if (access.operation.kind === 'read' || (state.happened.has(access) && !mayRepeat.has(access)))
        continue;
      const happened = mayRepeat.has(access) ? state.happened : new Set(state.happened).add(access);
      queue.push(...markReads([{ ...state, value: access.value, happened }], pending));
    }
  }
  return [...seen.values()];
}

/** Only states in which `access` has happened go on. */
function settle(possible: readonly Possibility[], access: Access): Possibility[] {
  const after: Possibility[] = [];
  for (const { value, base, happened } of possible) {
    if (!happened.has(access)) continue;
    const left = new Set(happened);
    left.delete(access);
    after.push({ value, base, happened: left });
  }
  return after;
}

/** Pending accesses of older terms end here, having happened or not. */
function atFence(
  possible: readonly Possibility[],
  pending: Set<Access>,
  fence: Fence,
  accesses: readonly Access[],
  history: History,
): Possibility[] {
  let after = expand(possible, pending);
  const ended = [...pending].filter(({ operation }) => operation.term < fence.term);
  for (const access of ended) pending.delete(access);
  after = after.map((state) => ({
    ...state,
    happened: new Set([...state.happened].filter((access) => pending.has(access))),
  }));
  if (fence.lossy) after = lose(after, fence, accesses, history);
  const distinct = new Map(
    after.map((state) => [`${state.value},${state.base},${state.happened.size}`, state]),
  );
  return pending.size === 0 ? [...distinct.values()] : after;
}

/** After a power cut a sector holds what it held at the last one, or any later write, unless a flush had covered a newer one. */
function lose(
  possible: readonly Possibility[],
  fence: Fence,
  accesses: readonly Access[],
  history: History,
): Possibility[] {
  const since = history.fences.findLast(({ lossy, order }) => lossy && order < fence.order)?.order ?? 0;
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
  const after = new Map<number, Possibility>();
  for (const { base, happened } of possible)
    for (const value of floor === 0 ? [base, ...values] : values)
      after.set(value, { value, base: value, happened });
  return [...after.values()];
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
