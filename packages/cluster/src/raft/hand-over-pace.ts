/** When leadership is handed over again by who leads all the same: authority stands still each time (transfer.ts), so that I/O pauses, for nothing as long as the successor cannot win. */
const FIRST_WAIT_MS = 2000;
const WAIT_MAX_MS = 60_000;

export class HandOverPace {
  #waitMs = 0;

  /** One has begun: so long until the next. */
  begun(): number {
    this.#waitMs = this.#waitMs === 0 ? FIRST_WAIT_MS : Math.min(2 * this.#waitMs, WAIT_MAX_MS);
    return this.#waitMs;
  }

  /** Somebody took over. */
  reset(): void {
    this.#waitMs = 0;
  }
}
