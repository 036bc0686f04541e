/**
 * How long answers have been waited for, counted in ticks of the one who waits. The clock would also count what he spent stopped, or without a
 * processor: the answers that came meanwhile he has not looked at yet, and none of them is late.
 */
export class WaitingTime {
  /** `tick` is to be called once in such a time. */
  readonly tickMs: number;
  readonly #limitTicks: number;
  #ticks = 0;

  constructor(timeoutMs: number) {
    this.tickMs = Math.min(1000, timeoutMs / 4);
    this.#limitTicks = Math.ceil(timeoutMs / this.tickMs);
  }

  get ticks(): number {
    return this.#ticks;
  }

  tick(): void {
    this.#ticks += 1;
  }

  /** Whoever has waited since `ticks` read so has done it for `timeoutMs`, and for at most one tick more. */
  isOver(sinceTicks: number): boolean {
    return this.#ticks - sinceTicks > this.#limitTicks;
  }
}
