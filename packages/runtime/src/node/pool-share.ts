/**
 * A store's part of the thread pool. At most so many of its operations are in the pool at once: those of a store that hangs keep their threads
 * for ever, and must leave some to the stores beside it.
 */
const MAX_AT_ONCE = 6;
/** Threads of a process that serves a volume: for its data, its metadata, its rescue journal and some to spare. */
export const POOL_THREADS = 32;

/** Threads of a process that serves several stores: hanging ones leave room for the others. */
export const POOL_THREADS_OF_MANY = 128;

export class PoolShare {
  #running = 0;
  #queue: (() => void)[] = [];
  #closed = false;

  /** Calls `begin`, now or later; `leave` must follow when what it began is done. */
  enter(begin: () => void): void {
    if (this.#closed) return;
    if (this.#running === MAX_AT_ONCE) return void this.#queue.push(begin);
    this.#running += 1;
    begin();
  }

  leave(): void {
    this.#running -= 1;
    const next = this.#queue.shift();
    if (next !== undefined) this.enter(next);
  }

  /** The store is given up: what waits is never begun. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
  }
}
