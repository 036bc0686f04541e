/**
 * Notices from outside that a volume's worker has stopped: a system call on its store that does not return holds its only thread, and then
 * nothing inside it can tell. It is asked once a second, and counted in our own ticks, so that a stall of this process condemns nobody.
 */
import type { Timer, Timers } from '@eterne/runtime';

const TICK_MS = 1000;
/** A busy machine may hold up a sound worker for a moment. */
const LEAST_TICKS = 5;
/** Starting takes longer than answering: code is loaded, stores are opened. */
const LEAST_STARTING_TICKS = 30;

export interface WatchedWorker {
  ask(): void;
  hung(silentMs: number): void;
}

export class WorkerWatch {
  readonly #timer: Timer;
  readonly #limitTicks: number;
  #startingTicks = LEAST_STARTING_TICKS;
  #silentTicks = 0;

  constructor(timers: Timers, diskTimeoutMs: number, worker: WatchedWorker) {
    this.#limitTicks = Math.max(LEAST_TICKS, Math.ceil(diskTimeoutMs / TICK_MS));
    this.#timer = timers.every(TICK_MS, () => {
      this.#silentTicks += 1;
      if (this.#silentTicks <= Math.max(this.#limitTicks, this.#startingTicks)) return worker.ask();
      this.stop();
      worker.hung(this.#silentTicks * TICK_MS);
    });
  }

  /** It has said something. */
  heard(): void {
    this.#silentTicks = 0;
  }

  /** It has opened its stores. */
  started(): void {
    this.#startingTicks = 0;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
