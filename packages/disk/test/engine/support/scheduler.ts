import type { Clock, Timer, Timers } from '@eterne/runtime';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Virtual time: events run in order of time, then of scheduling. */
export class Scheduler {
  nowMs = 1000;
  #order = 0;
  #events: Event[] = [];

  at(delayMs: number, fire: () => void): Event {
    const event = { atMs: this.nowMs + delayMs, order: this.#order++, fire, cancelled: false };
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1] as Event).atMs > event.atMs) index -= 1;
    this.#events.splice(index, 0, event);
    return event;
  }

  /** Runs until `isDone`, at most `limitMs` of virtual time. True when done. */
  runUntil(isDone: () => boolean, limitMs = 10_000): boolean {
    const endMs = this.nowMs + limitMs;
    while (!isDone()) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs) return false;
      this.#events.shift();
      this.nowMs = next.atMs;
      if (!next.cancelled) next.fire();
    }
    return true;
  }

  runFor(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    this.runUntil(() => false, durationMs);
    this.nowMs = endMs;
  }
}

/** Clock and timers of one process; nothing fires any more after `isDead`, nor while it stands still for so many more milliseconds. */
export function portsOf(
  scheduler: Scheduler,
  isDead: () => boolean,
  stillMs: () => number = () => 0,
): { clock: Clock; timers: Timers } {
  const after = (delayMs: number, fire: () => void): Timer => {
    const due = (): void => {
      if (stillMs() > 0) event = scheduler.at(stillMs(), due);
      else if (!isDead()) fire();
    };
    let event = scheduler.at(delayMs, due);
    return { cancel: () => (event.cancelled = true) };
  };
  const every = (intervalMs: number, fire: () => void): Timer => {
    let current = after(intervalMs, again);
    function again(): void {
      current = after(intervalMs, again);
      fire();
    }
    return { cancel: () => current.cancel() };
  };
  const soon = (fire: () => void): void => void after(0, fire);
  return {
    clock: { bootMs: () => scheduler.nowMs, wallMs: () => scheduler.nowMs },
    timers: { after, every, soon, afterEvent: soon },
  };
}
