import { assert } from '@eterne/base';

/** A planned step of the world. Cancelled ones stay in the heap and are passed over. */
export interface SimEvent {
  readonly timeMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * The one queue of everything that will happen, in true time (milliseconds since the seed's start; no node sees
 * it). Events of one instant run in the order in which they were planned, so a seed has one history.
 */
export class Scheduler {
  nowMs = 0;
  /** Events run so far. */
  steps = 0;
  private planned = 0;
  private readonly heap: SimEvent[] = [];

  after(delayMs: number, run: () => void): SimEvent {
    assert(delayMs >= 0, `an event cannot be planned ${delayMs} ms ahead`);
    const event: SimEvent = { timeMs: this.nowMs + delayMs, order: this.planned, run };
    this.planned += 1;
    this.push(event);
    return event;
  }

  cancel(event: SimEvent): void {
    event.run = undefined;
  }

  /** Runs the next event that is due not later than `untilMs`. False when there is none; time then stands at `untilMs`. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.heap[0];
      if (next === undefined || next.timeMs > untilMs) {
        this.nowMs = untilMs;
        return false;
      }
      this.pop();
      if (next.run === undefined) continue;
      this.nowMs = next.timeMs;
      this.steps += 1;
      next.run();
      return true;
    }
  }

  private push(event: SimEvent): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.at(parent);
      if (!before(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(this.at(child + 1), this.at(child))) child += 1;
      const below = this.at(child);
      if (!before(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }

  private at(index: number): SimEvent {
    const event = this.heap[index];
    assert(event !== undefined, 'the heap has a hole');
    return event;
  }
}

function before(x: SimEvent, y: SimEvent): boolean {
  return x.timeMs < y.timeMs || (x.timeMs === y.timeMs && x.order < y.order);
}
