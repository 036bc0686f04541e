/**
 * Lets copies and comparisons of blocks go ahead, in order, at the allowed rate. Application I/O comes first:
 *
 * | the application | the link | rate |
 * |---|---|---|
 * | rests | | the ceiling |
 * | is at work | has room | 56 MiB/s, within floor and ceiling |
 * | is at work | has more to send than the fill target | the floor |
 */
import type { Clock, Timer, Timers } from '@eterne/runtime';

const BUSY_BYTES_PER_SECOND = 56 * 1024 * 1024;
/** With more than this unsent, the application's writes would wait behind what is copied. */
const FILL_TARGET_BYTES = 4 * 1024 * 1024;
/** An application that asked for something within this time is at work. */
const BUSY_MS = 100;
/** Unused allowance is kept for no longer than this. */
const BURST_SECONDS = 0.02;

export interface PacerParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly minBytesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** Rises with every request of the application. */
  requestCount(): number;
  /** What waits to be sent to the peer. */
  backlogBytes(): number;
}

export class ResyncPacer {
  readonly #parts: PacerParts;
  readonly #waiting: { readonly lengthBytes: number; readonly go: () => void }[] = [];
  #allowanceBytes = 0;
  #countedBootMs: number;
  #requestCount: number;
  #busyUntilBootMs = 0;
  #timer: Timer | undefined;
  #serving = false;

  constructor(parts: PacerParts) {
    this.#parts = parts;
    this.#countedBootMs = parts.clock.bootMs();
    this.#requestCount = parts.requestCount();
  }

  /** `lengthBytes` 0: costs nothing, but keeps its turn. */
  take(lengthBytes: number, go: () => void): void {
    this.#waiting.push({ lengthBytes, go });
    this.#serve();
  }

  stop(): void {
    this.#waiting.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #bytesPerSecond(nowBootMs: number): number {
    const { minBytesPerSecond, maxBytesPerSecond } = this.#parts;
    const count = this.#parts.requestCount();
    if (count !== this.#requestCount) this.#busyUntilBootMs = nowBootMs + BUSY_MS;
    this.#requestCount = count;
    if (nowBootMs >= this.#busyUntilBootMs) return maxBytesPerSecond;
    if (this.#parts.backlogBytes() > FILL_TARGET_BYTES) return minBytesPerSecond;
    return Math.min(maxBytesPerSecond, Math.max(minBytesPerSecond, BUSY_BYTES_PER_SECOND));
  }

  /** A loop, not recursion: what goes ahead may ask for its next piece at once. */
  #serve(): void {
    if (this.#timer !== undefined || this.#serving) return;
    this.#serving = true;
    const rate = this.#earn();
    // One piece may go into debt, so that a piece larger than the burst is not stuck.
    while (this.#allowanceBytes >= 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#allowanceBytes -= next.lengthBytes;
      next.go();
    }
    this.#serving = false;
    if (this.#waiting.length === 0) return;
    const debtMs = (-this.#allowanceBytes / rate) * 1000;
    this.#timer = this.#parts.timers.after(Math.max(1, debtMs), () => {
      this.#timer = undefined;
      this.#serve();
    });
  }

  #earn(): number {
    const nowBootMs = this.#parts.clock.bootMs();
    const rate = this.#bytesPerSecond(nowBootMs);
    const earned = ((nowBootMs - this.#countedBootMs) / 1000) * rate;
    this.#allowanceBytes = Math.min(this.#allowanceBytes + earned, rate * BURST_SECONDS);
    this.#countedBootMs = nowBootMs;
    return rate;
  }
}
