/** `eterne disk status --watch`: the status again whenever it has changed, until interrupted. */
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Control, DiskStatus } from './control.ts';

const POLL_MS = 500;
export const HOME_AND_CLEAR = '\u001B[H\u001B[2J';

/** On a terminal the newest stands alone on the screen; elsewhere each change follows the last. */
export async function watchStatus(
  control: Control,
  volume: string | undefined,
  text: (status: DiskStatus) => string,
): Promise<never> {
  const { timers } = createNodeWorld('disk status');
  let shown = '';
  for (;;) {
    const now = text(await control.status(volume));
    if (now !== shown) process.stdout.write(`${process.stdout.isTTY ? HOME_AND_CLEAR : ''}${now}`);
    shown = now;
    await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
  }
}
