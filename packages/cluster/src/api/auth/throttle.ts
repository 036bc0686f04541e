/**
 * Slows down guessing: after a few failures of one key (a client's address, or an account) every further one doubles the time in which no attempt is
 * even looked at. Kept in memory per node and bounded; the oldest key is forgotten first.
 */
const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 1_000;
const KEYS_MAX = 4_096;
/** A key without failures for so long starts afresh. */
const FORGET_MS = 15 * 60_000;

interface Record {
  readonly failures: number;
  readonly lastMs: number;
}

export class Throttle {
  readonly #records = new Map<string, Record>();
  readonly #delayMaxMs: number;

  /** `delayMaxMs` bounds how long a stranger can lock out the rightful owner of the key. */
  constructor(delayMaxMs: number) {
    this.#delayMaxMs = delayMaxMs;
  }

  /** Milliseconds until the key may try again; 0: now. `nowMs` is of the boot clock. */
  waitMs(key: string, nowMs: number): number {
    const record = this.#live(key, nowMs);
    if (!record || record.failures < FREE_FAILURES) return 0;
    const delayMs = Math.min(this.#delayMaxMs, FIRST_DELAY_MS * 2 ** (record.failures - FREE_FAILURES));
    return Math.max(0, Math.ceil(record.lastMs + delayMs - nowMs));
  }

  failed(key: string, nowMs: number): void {
    const failures = (this.#live(key, nowMs)?.failures ?? 0) + 1;
    this.#records.delete(key); // so that it becomes the youngest
    this.#records.set(key, { failures, lastMs: nowMs });
    if (this.#records.size <= KEYS_MAX) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  succeeded(key: string): void {
    this.#records.delete(key);
  }

  #live(key: string, nowMs: number): Record | undefined {
    const record = this.#records.get(key);
    return record && nowMs - record.lastMs < FORGET_MS ? record : undefined;
  }
}
