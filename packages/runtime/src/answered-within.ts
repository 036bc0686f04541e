import type { Timers } from './ports.ts';

/**
 * Of an answer that may never come: `done` hears the first one only, or what `late` says when there is none within `limitMs`. Hand the function that comes back to whoever is to
 * answer.
 */
export function answeredWithin<T>(
  timers: Pick<Timers, 'after'>,
  limitMs: number,
  late: () => T,
  done: (answer: T) => void,
): (answer: T) => void {
  let isOver = false;
  const settle = (answer: T): void => {
    if (isOver) return;
    isOver = true;
    limit.cancel();
    done(answer);
  };
  const limit = timers.after(limitMs, () => settle(late()));
  return settle;
}
