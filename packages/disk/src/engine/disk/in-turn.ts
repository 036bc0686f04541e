import type { StoreDone, StoreError } from '@eterne/runtime';

export type Step = (next: StoreDone) => void;

/** One step after the other, until the first error. Steps may answer at once: it is a loop then, however many there are. */
export function inTurn(steps: readonly Step[], done: StoreDone): void {
  let index = 0;
  let running = false;
  const advance = (error: StoreError | undefined): void => {
    if (error !== undefined) return done(error);
    if (!running) run();
  };
  const run = (): void => {
    running = true;
    for (;;) {
      const step = steps[index];
      if (step === undefined) return done(undefined);
      index += 1;
      let answered = false;
      let isOver = false;
      step((error) => {
        answered = true;
        isOver = error !== undefined;
        advance(error);
      });
      if (isOver) return;
      if (!answered) break;
    }
    running = false;
  };
  run();
}
