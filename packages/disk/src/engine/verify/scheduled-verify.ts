import type { Clock, Timer, Timers } from '@eterne/runtime';
import { nextTime, type Schedule } from './cron.ts';

const LOOK_MS = 20_000;

/** Begins a verify when it is time. Looks at the wall clock now and then, for that may be set. */
export class ScheduledVerify {
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #begin: () => void;
  readonly #timer: Timer;
  #dueWallMs: number | undefined;

  constructor(clock: Clock, timers: Timers, schedule: Schedule, begin: () => void) {
    this.#clock = clock;
    this.#schedule = schedule;
    this.#begin = begin;
    this.#dueWallMs = nextTime(schedule, clock.wallMs());
    this.#timer = timers.every(LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const nowMs = this.#clock.wallMs();
    const next = nextTime(this.#schedule, nowMs);
    const isDue = this.#dueWallMs !== undefined && nowMs >= this.#dueWallMs;
    if (isDue) this.#begin();
    // A clock that was set back brings the time nearer again.
    if (isDue || next === undefined || next < (this.#dueWallMs ?? 0)) this.#dueWallMs = next;
  }
}
