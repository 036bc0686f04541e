import type { StoreDone, StoreError } from '@eterne/runtime';

/** A write that may have to wait for a barrier. */
export interface OrderedWrite {
  readonly group: WriteGroup;
  /** Its turn has come, or, with an error, never will: something before it is not on stable storage. */
  ordered(error: StoreError | undefined): void;
}

/** The writes between two barriers. */
export interface WriteGroup {
  unfinished: number;
  /** Those that could begin if the group's turn had come. */
  readonly ready: OrderedWrite[];
  /** Whoever wants to know that it has. */
  readonly onTurn: (() => void)[];
}

/**
 * The order of an asynchronous secondary's writes: those behind a barrier are begun when all before it are applied and flushed. So
 * whatever an accident leaves on the disk is a state that the primary's disk could have been left in: its application knew of a flush
 * only when what it covers was there, and wrote what depends on it later.
 */
export class WriteOrder {
  readonly #flush: (done: StoreDone) => void;
  /** The first one's turn it is; the last one takes what arrives. */
  readonly #groups: WriteGroup[] = [emptyGroup()];
  #flushing = false;
  /** Of a write or a flush. */
  #failure: StoreError | undefined;

  constructor(flush: (done: StoreDone) => void) {
    this.#flush = flush;
  }

  /** A write has arrived: the group that it belongs to. `finished` must follow. */
  arrived(): WriteGroup {
    const group = this.#groups.at(-1) as WriteGroup;
    group.unfinished += 1;
    return group;
  }

  /** A write could begin: `ordered` is called now, or when its turn has come. */
  begin(write: OrderedWrite): void {
    const isItsTurn = write.group === this.#groups[0];
    if (isItsTurn || this.#failure !== undefined) write.ordered(this.#failure);
    else write.group.ready.push(write);
  }

  finished(write: OrderedWrite, error: StoreError | undefined): void {
    write.group.unfinished -= 1;
    if (error === undefined) this.#proceed();
    else this.#fail(error);
  }

  /** `passed`: everything before is on stable storage. Never called when that fails. */
  barrier(passed?: () => void): void {
    if (this.#failure !== undefined) return;
    // Two in a row are one: there are never more groups than writes.
    const isSecond = this.#groups.length > 1 && this.#groups.at(-1)?.unfinished === 0;
    if (!isSecond) this.#groups.push(emptyGroup());
    if (passed !== undefined) this.#groups.at(-1)?.onTurn.push(passed);
    if (!isSecond) this.#proceed();
  }

  #proceed(): void {
    const [turn, next] = this.#groups;
    if (turn === undefined || next === undefined || turn.unfinished > 0) return;
    if (this.#flushing || this.#failure !== undefined) return;
    this.#flushing = true;
    this.#flush((error) => {
      this.#flushing = false;
      if (error !== undefined) return this.#fail(error);
      this.#groups.shift();
      for (const write of next.ready.splice(0)) write.ordered(this.#failure);
      for (const then of next.onTurn.splice(0)) then();
      this.#proceed();
    });
  }

  /** Nobody's turn comes any more: a store that has failed once may well take the next write, and a flush of what it lost would come to a good end. */
  #fail(error: StoreError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const { ready } of this.#groups) for (const write of ready.splice(0)) write.ordered(error);
  }
}

function emptyGroup(): WriteGroup {
  return { unfinished: 0, ready: [], onTurn: [] };
}
