import type { Clock, Timer, Timers } from '../ports.ts';
import { afterEvent } from './event-end.ts';
import { bootTimeMs } from './native.ts';

export const nodeClock: Clock = {
  wallMs: () => Date.now(),
  bootMs: bootTimeMs,
};

export const nodeTimers: Timers = {
  after(delayMs: number, fire: () => void): Timer {
    const handle = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs: number, fire: () => void): Timer {
    const handle = setInterval(fire, intervalMs);
    return { cancel: () => clearInterval(handle) };
  },
  soon(fire: () => void): void {
    setImmediate(fire);
  },
  afterEvent,
};
