import type { Clock, Timer } from '../ports.ts';

interface Rhythm {
  readonly intervalMs: number;
  dueMs: number;
  /** Each its own object: one function may be wanted twice. */
  readonly beats: Set<{ readonly fire: () => void }>;
}

/**
 * Everything that a process does again and again, on one timer. What has the interval i is due when the boot clock reads a multiple of i, so that
 * rhythms whose intervals divide each other fall together, also those of other processes of the machine: to wake up costs a process that has little
 * to do more than what it then does.
 *
 * The first time comes after at most one interval, mostly sooner. After a stop of the process what was missed is done once.
 */
export class Rhythms {
  readonly #clock: Pick<Clock, 'bootMs'>;
  readonly #after: (delayMs: number, fire: () => void) => Timer;
  readonly #rhythms = new Map<number, Rhythm>();
  #armed: { readonly dueMs: number; readonly timer: Timer } | undefined;

  constructor(clock: Pick<Clock, 'bootMs'>, after: (delayMs: number, fire: () => void) => Timer) {
    this.#clock = clock;
    this.#after = after;
  }

  every(intervalMs: number, fire: () => void): Timer {
    const rhythm = this.#rhythms.get(intervalMs) ?? this.#begin(intervalMs);
    const beat = { fire };
    rhythm.beats.add(beat);
    this.#arm();
    return {
      cancel: () => {
        rhythm.beats.delete(beat);
        if (rhythm.beats.size === 0 && this.#rhythms.get(intervalMs) === rhythm)
          this.#rhythms.delete(intervalMs);
        if (this.#rhythms.size === 0) this.#disarm();
      },
    };
  }

  #begin(intervalMs: number): Rhythm {
    const dueMs = nextMultiple(intervalMs, this.#clock.bootMs());
    const rhythm = { intervalMs, dueMs, beats: new Set<{ readonly fire: () => void }>() };
    this.#rhythms.set(intervalMs, rhythm);
    return rhythm;
  }

  #arm(): void {
    const dueMs = Math.min(...[...this.#rhythms.values()].map((rhythm) => rhythm.dueMs));
    if (this.#armed !== undefined && this.#armed.dueMs <= dueMs) return;
    this.#disarm();
    const delayMs = Math.max(1, Math.ceil(dueMs - this.#clock.bootMs()));
    this.#armed = { dueMs, timer: this.#after(delayMs, () => this.#fire()) };
  }

  #disarm(): void {
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  }

  /** The next time is set before anything is done, which may take long. */
  #fire(): void {
    this.#armed = undefined;
    const nowMs = this.#clock.bootMs();
    const due = [...this.#rhythms.values()].filter(({ dueMs }) => dueMs <= nowMs);
    for (const rhythm of due) rhythm.dueMs = nextMultiple(rhythm.intervalMs, nowMs);
    if (this.#rhythms.size > 0) this.#arm();
    // Not what begins meanwhile, and not what is cancelled meanwhile.
    const now = due.flatMap(({ beats }) => [...beats].map((beat) => ({ beats, beat })));
    for (const { beats, beat } of now) if (beats.has(beat)) beat.fire();
  }
}

function nextMultiple(intervalMs: number, nowMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
}
