/**
 * Notices from outside that a volume's worker has stopped: a system call on its store that does not return holds its only thread, and then
 * nothing inside it can tell. It is asked once a second, and counted in our own ticks, so that a stall of this process condemns nobody.
 *
 * A worker that only gets no processor is silent, too, and sound: the system says for how long it was ready to run and waited for one. A tick that
 * it spent like this is not counted, up to a bound: nobody waits for ever on a machine that never gets to it.
 */
import type { Timer, Timers } from '@eterne/runtime';

const TICK_MS = 1000;
/** A busy machine may hold up a sound worker for a moment. */
const LEAST_TICKS = 5;
/** Starting takes longer than answering: code is loaded, stores are opened. */
const LEAST_STARTING_TICKS = 30;
/** Of a tick: whoever waited longer for a processor than for anything else was starved. */
const STARVED_MS = TICK_MS / 2;
/** Starved ticks that are not counted, for each that would be. */
const STARVED_FACTOR = 3;

export interface WatchedWorker {
  ask(): void;
  hung(silentMs: number): void;
  /** Of its life so far; undefined where nobody can tell. */
  waitedForProcessorMs(): number | undefined;
}

export class WorkerWatch {
  readonly #timer: Timer;
  readonly #limitTicks: number;
  readonly #worker: WatchedWorker;
  #startingTicks = LEAST_STARTING_TICKS;
  #silentTicks = 0;
  #starvedTicks = 0;
  #waitedMs: number | undefined;

  constructor(timers: Timers, diskTimeoutMs: number, worker: WatchedWorker) {
    this.#worker = worker;
    this.#limitTicks = Math.max(LEAST_TICKS, Math.ceil(diskTimeoutMs / TICK_MS));
    this.#timer = timers.every(TICK_MS, () => this.#tick());
  }

  /** It has said something. */
  heard(): void {
    this.#silentTicks = 0;
    this.#starvedTicks = 0;
    this.#waitedMs = undefined;
  }

  /** It has opened its stores. */
  started(): void {
    this.#startingTicks = 0;
  }

  /** It has not answered the last question. */
  get isSilent(): boolean {
    return this.#silentTicks > 1;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const limit = Math.max(this.#limitTicks, this.#startingTicks);
    if (this.#wasStarved() && this.#starvedTicks < STARVED_FACTOR * limit) this.#starvedTicks += 1;
    else this.#silentTicks += 1;
    if (this.#silentTicks <= limit) return this.#worker.ask();
    this.stop();
    this.#worker.hung((this.#silentTicks + this.#starvedTicks) * TICK_MS);
  }

  /** Since the tick before; of a tick in which it said something nobody asks. */
  #wasStarved(): boolean {
    const before = this.#waitedMs;
    this.#waitedMs = this.#worker.waitedForProcessorMs();
    return before !== undefined && this.#waitedMs !== undefined && this.#waitedMs - before > STARVED_MS;
  }
}
