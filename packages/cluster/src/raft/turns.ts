import type { Timer, World } from '@eterne/runtime';

/**
 * When a log's driver works: one turn soon, however often it was wanted, and one timer for whatever is due first. What has arrived when
 * the timer fires is taken before it counts.
 */
export class Turns {
  readonly #world: Pick<World, 'timers'>;
  readonly #take: () => void;
  #isRunning = false;
  #isWanted = false;
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;

  constructor(world: Pick<World, 'timers'>, take: () => void) {
    this.#world = world;
    this.#take = take;
  }

  start(): void {
    this.#isRunning = true;
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }

  want(): void {
    if (this.#isWanted || !this.#isRunning) return;
    this.#isWanted = true;
    this.#world.timers.soon(() => {
      this.#isWanted = false;
      if (this.#isRunning) this.#take();
    });
  }

  /** A turn at `dueMs`, in whole milliseconds from `nowMs`, unless one is due before. */
  at(dueMs: number, nowMs: number): void {
    if (this.#timer && this.#timer.dueMs <= dueMs) return;
    this.#timer?.timer.cancel();
    const timer = this.#world.timers.after(Math.max(1, Math.ceil(dueMs - nowMs)), () => {
      this.#timer = undefined;
      this.want();
    });
    this.#timer = { dueMs, timer };
  }
}
