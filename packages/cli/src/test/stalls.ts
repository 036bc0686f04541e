import { nodeClock, nodeTimers } from '@eterne/runtime/node/clock.ts';
import type { Tally } from './isolated.ts';

const TICK_MS = 50;
/** Beyond this the shortest leases and silences end without anybody's fault. */
export const STALL_MS = 1000;
const TRIES = 3;

/** `work`, and for how long this process, which does nothing but wait, woke up too late meanwhile. */
async function watched<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly stalledMs: number }> {
  let stalledMs = 0;
  let lastMs = nodeClock.bootMs();
  const look = (): void => {
    const nowMs = nodeClock.bootMs();
    stalledMs = Math.max(stalledMs, nowMs - lastMs - TICK_MS);
    lastMs = nowMs;
  };
  const ticker = nodeTimers.every(TICK_MS, look);
  try {
    const result = await work();
    look();
    return { result, stalledMs };
  } finally {
    ticker.cancel();
  }
}

/**
 * `attempt` again, up to three times in all, where something failed while the machine stood still for a second: daemons that hold each other to a second or two then lose each
 * other, rightly. What is broken fails each time; `again` is told before each further one. Answers what the last one counted.
 */
export async function unlessStalled(
  attempt: () => Promise<Tally>,
  again: (stalledMs: number) => void,
): Promise<Tally> {
  for (let left = TRIES - 1; ; left -= 1) {
    const { result, stalledMs } = await watched(attempt);
    if (result.failed === 0 || stalledMs < STALL_MS || left === 0) return result;
    again(Math.round(stalledMs));
  }
}
