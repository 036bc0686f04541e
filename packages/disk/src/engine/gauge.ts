import { assert } from '@eterne/base';

/** Counts operations that have not come back yet and says when there are none. */
export class Gauge {
  readonly #whole: Gauge | undefined;
  #count = 0;
  #waiters: (() => void)[] = [];

  /** `whole`: everything counted here is counted there, too. */
  constructor(whole?: Gauge) {
    this.#whole = whole;
  }

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
    this.#whole?.enter();
  }

  leave(): void {
    assert(this.#count > 0, 'what leaves had entered');
    this.#count -= 1;
    this.#whole?.leave();
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
