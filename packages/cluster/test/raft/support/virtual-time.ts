import type { Timer, Timers } from '@eterne/runtime';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** From a process's start to its death, with the times in which it was stopped (SIGSTOP). */
export interface Life {
  readonly isAlive: () => boolean;
  readonly stoppedUntilMs: () => number;
}

/** One queue of events for everything simulated; equal times run in the order in which they were asked for. */
export class VirtualTime {
  nowMs = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  at(atMs: number, fire: () => void): Timer {
    const event: Event = {
      atMs: Math.max(atMs, this.nowMs),
      order: (this.#order += 1),
      fire,
      cancelled: false,
    };
    push(this.#heap, event);
    return { cancel: () => void (event.cancelled = true) };
  }

  /** Timers of one life of a process. */
  timers(life: Life): Timers {
    return {
      after: (delayMs, fire) => this.inLife(life, this.nowMs + delayMs, fire),
      every: (intervalMs, fire) => {
        let cancelled = false;
        let timer: Timer;
        const next = (): void => {
          timer = this.inLife(life, this.nowMs + intervalMs, () => {
            fire();
            if (!cancelled) next();
          });
        };
        next();
        return {
          cancel: () => {
            cancelled = true;
            timer.cancel();
          },
        };
      },
      soon: (fire) => void this.inLife(life, this.nowMs, fire),
      afterEvent: (fire) => void this.inLife(life, this.nowMs, fire),
    };
  }

  /** Like `at`, but never after the life has ended, and only once a stopped process runs on. */
  inLife(life: Life, atMs: number, fire: () => void): Timer {
    let timer: Timer;
    const attempt = (): void => {
      if (!life.isAlive()) return;
      const resumeMs = life.stoppedUntilMs();
      if (resumeMs > this.nowMs) timer = this.at(resumeMs, attempt);
      else fire();
    };
    timer = this.at(atMs, attempt);
    return { cancel: () => timer.cancel() };
  }

  runUntil(endMs: number): void {
    for (let event = this.#heap[0]; event && event.atMs <= endMs; event = this.#heap[0]) {
      pop(this.#heap);
      if (event.cancelled) continue;
      this.nowMs = event.atMs;
      event.fire();
    }
    this.nowMs = endMs;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let i = heap.push(event) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(event, heap[parent] as Event)) break;
    heap[i] = heap[parent] as Event;
    i = parent;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!before(heap[child] as Event, last)) break;
    heap[i] = heap[child] as Event;
    i = child;
  }
  heap[i] = last;
}
