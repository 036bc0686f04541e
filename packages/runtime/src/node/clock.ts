import type { Clock, Timer, Timers } from '../ports.ts';
import { afterEvent } from './event-end.ts';
import { bootTimeMs } from './native.ts';
import { Rhythms } from './rhythms.ts';

export const nodeClock: Clock = {
  wallMs: () => Date.now(),
  bootMs: bootTimeMs,
};

function after(delayMs: number, fire: () => void): Timer {
  const handle = setTimeout(fire, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

const rhythms = new Rhythms(nodeClock, after);

export const nodeTimers: Timers = {
  after,
  every: (intervalMs, fire) => rhythms.every(intervalMs, fire),
  soon(fire: () => void): void {
    setImmediate(fire);
  },
  afterEvent,
};
