import { isInUse } from '@eterne/disk/attach/in-use.ts';
import type { Hands } from '../agent.ts';

const RETRY_INTERVAL_MS = 50;

/** Until nobody uses the block device of volume `name` that `find` shows, if it shows one. Fails when that lasts to the end: then the volume must not be given away. */
export function untilUnused(
  hands: Hands,
  name: string,
  find: (found: (path: string | undefined) => void) => void,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  const { clock, files, timers } = hands.world;
  find((path) => {
    if (path === undefined) return done('');
    isInUse(files, path, (isUsed) => {
      if (!isUsed) return done('');
      if (clock.bootMs() >= deadlineMs) return done(`${path} of volume ${name} is still in use`);
      timers.after(RETRY_INTERVAL_MS, () => untilUnused(hands, name, find, deadlineMs, done));
    });
  });
}
