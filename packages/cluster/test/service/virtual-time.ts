/** A clock that only moves when told, and its timers in order. */
import type { Clock, Timer, Timers } from '@eterne/runtime';

interface Waiting {
  dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** What every kind of timer here makes of the first. */
abstract class TimersByDelay implements Timers {
  abstract after(delayMs: number, fire: () => void): Timer;

  every(intervalMs: number, fire: () => void): Timer {
    let timer: Timer;
    const again = (): void => {
      timer = this.after(intervalMs, again);
      fire();
    };
    timer = this.after(intervalMs, again);
    return { cancel: () => timer.cancel() };
  }

  soon(fire: () => void): void {
    this.after(0, fire);
  }

  afterEvent(fire: () => void): void {
    this.after(0, fire);
  }
}

export class VirtualTime extends TimersByDelay implements Clock {
  #nowMs = 1_000_000;
  #wallOffsetMs = 0;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  wallMs(): number {
    return Date.UTC(2026, 0, 5) + this.#nowMs + this.#wallOffsetMs;
  }

  /** As if somebody had set the wall clock. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  bootMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    this.#order += 1;
    const waiting: Waiting = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, fire };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  run(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.#waiting.delete(next);
      this.#nowMs = next.dueMs;
      next.fire();
    }
    this.#nowMs = endMs;
  }

  /** Runs until `condition`, checked every millisecond. Returns how long that took; fails after `limitMs`. */
  until(condition: () => boolean, limitMs: number, what: string): number {
    const startMs = this.#nowMs;
    while (!condition()) {
      if (this.#nowMs - startMs >= limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      this.run(1);
    }
    return this.#nowMs - startMs;
  }

  #next(endMs: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting)
      if (waiting.dueMs <= endMs && (!first || before(waiting, first))) first = waiting;
    return first;
  }
}

/** The time of one machine, which can stand still: what falls due meanwhile happens all at once when it goes on. */
export class MachineTime extends TimersByDelay implements Clock {
  readonly #time: VirtualTime;
  #missed: (() => void)[] | undefined;

  constructor(time: VirtualTime) {
    super();
    this.#time = time;
  }

  get paused(): boolean {
    return this.#missed !== undefined;
  }

  pause(): void {
    this.#missed ??= [];
  }

  resume(): void {
    const missed = this.#missed ?? [];
    this.#missed = undefined;
    for (const fire of missed) fire();
  }

  wallMs(): number {
    return this.#time.wallMs();
  }

  bootMs(): number {
    return this.#time.bootMs();
  }

  after(delayMs: number, fire: () => void): Timer {
    let isCancelled = false;
    const timer = this.#time.after(delayMs, () => {
      const run = (): void => {
        if (!isCancelled) fire();
      };
      if (this.#missed) this.#missed.push(run);
      else run();
    });
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }
}

function before(a: Waiting, b: Waiting): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
