import type { Clock, Timer, Timers } from '@eterne/runtime';

/** While the application is at work, copying keeps to this much, within the configured bounds: application I/O comes first. */
const BUSY_BYTES_PER_SECOND = 64 * 1024 * 1024;
/** Unused allowance is kept for no longer than this. */
const BURST_SECONDS = 0.05;

export interface PacerParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly minBytesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** Has the application used the volume lately? */
  isBusy(): boolean;
}

/** Lets copies of blocks go ahead, in order, at the allowed rate. */
export class ResyncPacer {
  readonly #parts: PacerParts;
  readonly #waiting: { readonly lengthBytes: number; readonly go: () => void }[] = [];
  #allowanceBytes = 0;
  #countedBootMs: number;
  #timer: Timer | undefined;

  constructor(parts: PacerParts) {
    this.#parts = parts;
    this.#countedBootMs = parts.clock.bootMs();
  }

  take(lengthBytes: number, go: () => void): void {
    this.#waiting.push({ lengthBytes, go });
    this.#serve();
  }

  stop(): void {
    this.#waiting.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #bytesPerSecond(): number {
    const { minBytesPerSecond, maxBytesPerSecond } = this.#parts;
    if (!this.#parts.isBusy()) return maxBytesPerSecond;
    return Math.min(maxBytesPerSecond, Math.max(minBytesPerSecond, BUSY_BYTES_PER_SECOND));
  }

  #serve(): void {
    if (this.#timer !== undefined) return;
    const nowMs = this.#parts.clock.bootMs();
    const rate = this.#bytesPerSecond;
    const earned = ((nowMs - this.#countedBootMs) / 1000) * rate;
    this.#allowanceBytes = Math.min(this.#allowanceBytes + earned, rate * BURST_SECONDS);
    this.#countedBootMs = nowMs;
    // One piece may go into debt, so that a piece larger than the burst is not stuck.
    while (this.#allowanceBytes >= 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#allowanceBytes -= next.lengthBytes;
      next.go();
    }
    if (this.#waiting.length === 0) return;
    const debtMs = (-this.#allowanceBytes / rate) * 1000;
    this.#timer = this.#parts.timers.after(Math.max(1, debtMs), () => {
      this.#timer = undefined;
      this.#serve();
    });
  }
}
