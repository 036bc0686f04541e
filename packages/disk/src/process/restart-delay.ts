/** How long a worker that died stays away: at first hardly, then twice as long each time, until it is known to have started well. */
const FIRST_MS = 50;
const LONGEST_MS = 5_000;

export class RestartDelay {
  #nextMs = FIRST_MS;

  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, delayMs * 2);
    return delayMs;
  }

  startedWell(): void {
    this.#nextMs = FIRST_MS;
  }
}
