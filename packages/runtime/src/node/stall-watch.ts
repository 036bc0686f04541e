/** How long a process that does nothing but wait wakes up too late: so long others on the machine may have stood still, too. */
import type { Timer } from '../ports.ts';
import { nodeClock, nodeTimers } from './clock.ts';

export class StallWatch {
  readonly #tickMs: number;
  readonly #timer: Timer;
  #longestMs = 0;
  #lastMs = nodeClock.bootMs();

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
    this.#timer = nodeTimers.every(tickMs, () => this.#look());
  }

  /** The longest stall since it was made, ms. */
  stop(): number {
    this.#timer.cancel();
    this.#look();
    return this.#longestMs;
  }

  #look(): void {
    const nowMs = nodeClock.bootMs();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs - this.#tickMs);
    this.#lastMs = nowMs;
  }
}
