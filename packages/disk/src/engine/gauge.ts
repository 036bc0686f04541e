import { assert } from '@eterne/base';

/** Counts operations that have not come back yet and says when there are none. */
export class Gauge {
  #count = 0;
  #waiters: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    assert(this.#count > 0, 'what leaves had entered');
    this.#count -= 1;
    if (this.#count > 0 || this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  /** At once when idle; otherwise when the count next reaches zero. */
  whenIdle(then: () => void): void {
    if (this.#count === 0) then();
    else this.#waiters.push(then);
  }
}
