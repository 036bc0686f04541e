import type { Timer, Timers } from '@eterne/runtime';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
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

  /** Timers of one life: after `isAlive` turns false none of them fires. */
  timers(isAlive: () => boolean): Timers {
    const guarded = (fire: () => void) => (): void => {
      if (isAlive()) fire();
    };
    const after = (delayMs: number, fire: () => void): Timer => this.at(this.nowMs + delayMs, guarded(fire));
    return {
      after,
      every: () => {
        throw new Error('not used here');
      },
      soon: (fire) => void this.at(this.nowMs, guarded(fire)),
    };
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
