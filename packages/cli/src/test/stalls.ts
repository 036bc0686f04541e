import { StallWatch } from '@eterne/runtime/node/stall-watch.ts';
import type { Tally } from './tally.ts';

const TICK_MS = 50;
/** Beyond this the shortest leases and silences end without anybody's fault. */
export const STALL_MS = 1000;
const TRIES = 3;

/**
 * `attempt` again, up to three times in all, where something failed while the machine stood still for a second: daemons that hold each other to a second or two then lose each
 * other, rightly. What is broken fails each time; `again` is told before each further one. Answers what the last one counted.
 */
export async function unlessStalled(
  attempt: () => Promise<Tally>,
  again: (stalledMs: number) => void,
): Promise<Tally> {
  for (let left = TRIES - 1; ; left -= 1) {
    const watch = new StallWatch(TICK_MS);
    let stalledMs = 0;
    const result = await attempt().finally(() => (stalledMs = watch.stop()));
    if (result.failed === 0 || stalledMs < STALL_MS || left === 0) return result;
    again(Math.round(stalledMs));
  }
}
