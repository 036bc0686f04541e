/** Jobs one after the other, each with callbacks instead of a promise. */
export class Serial {
  readonly #jobs: ((next: () => void) => void)[] = [];
  #isRunning = false;

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  run(job: (next: () => void) => void): void {
    this.#jobs.push(job);
    this.#pump();
  }

  /** A loop, not recursion: a job may be over within its call. */
  #pump(): void {
    while (!this.#isRunning) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      this.#isRunning = true;
      job(() => {
        this.#isRunning = false;
        this.#pump();
      });
    }
  }
}
