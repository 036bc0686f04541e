/** A line about a long run, now and then. */
import type { Clock, Timer, Timers } from '@eterne/runtime';
import { isBad, type SeedResult } from './result.ts';

const LINE_MS = 10_000;

export interface Figures {
  readonly done: number;
  readonly planned: number;
  readonly bad: number;
  readonly elapsedMs: number;
}

/** `1200 of 2000 seeds, 3.9 seeds/s, 0 violated or too easy, 205 s left` */
export function progressText({ done, planned, bad, elapsedMs }: Figures): string {
  const perSecond = elapsedMs > 0 ? (1000 * done) / elapsedMs : 0;
  const left = done === 0 ? 'nobody knows how long' : `${Math.ceil((planned - done) / perSecond)} s left`;
  return `${done} of ${planned} seeds, ${perSecond.toFixed(1)} seeds/s, ${bad} violated or too easy, ${left}`;
}

export class Progress {
  readonly #clock: Pick<Clock, 'bootMs'>;
  readonly #startedMs: number;
  readonly #timer: Timer | undefined;
  #planned = 0;
  #done = 0;
  #bad = 0;

  /** Without `print` it is silent. */
  constructor(
    clock: Pick<Clock, 'bootMs'>,
    timers: Pick<Timers, 'every'>,
    print: ((line: string) => void) | undefined,
  ) {
    this.#clock = clock;
    this.#startedMs = clock.bootMs();
    if (print !== undefined) this.#timer = timers.every(LINE_MS, () => print(progressText(this.#figures())));
  }

  plan(seeds: number): void {
    this.#planned += seeds;
  }

  saw(result: SeedResult): void {
    this.#done += 1;
    if (isBad(result)) this.#bad += 1;
  }

  end(): void {
    this.#timer?.cancel();
  }

  #figures(): Figures {
    const elapsedMs = this.#clock.bootMs() - this.#startedMs;
    return { done: this.#done, planned: this.#planned, bad: this.#bad, elapsedMs };
  }
}
