/** Do other machines answer? With the system's `ping`: an echo request needs a right that Node.js has no door to. */
import type { World } from '@eterne/runtime';

export const PING_TIMEOUT_MS = 1000;
const WAIT_S = '1';

/** Asks all at once; the first that answers settles it. */
export function pingAny(
  { processes }: Pick<World, 'processes'>,
  addresses: readonly string[],
  done: (reached: boolean) => void,
): void {
  let open = addresses.length;
  let settled = false;
  for (const address of addresses) {
    const command = ['ping', '-n', '-q', '-c', '1', '-W', WAIT_S, '--', address] as const;
    processes.spawn({ command, timeoutMs: PING_TIMEOUT_MS, captureBytes: 256 }, ({ code }) => {
      open -= 1;
      if (settled || (code !== 0 && open > 0)) return;
      settled = true;
      done(code === 0);
    });
  }
}
