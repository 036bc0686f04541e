/** `eterne disk verify`: begins it and stays until it is over, with its progress on a terminal. */
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Control, DiskStatus } from './control.ts';
import { checkEnd, copiesOf, isCopying, leadOf } from './copies.ts';
import { ProgressLine } from './progress.ts';

export interface VerifyOptions {
  readonly fast?: true;
  readonly repair?: true;
  readonly peer?: string;
}

const POLL_MS = 200;

/** The status at its end. A verify that was cut short is an error; one that found differences is not. */
export async function verify(
  control: Pick<Control, 'names' | 'post' | 'status'>,
  volume: string | undefined,
  options: VerifyOptions,
): Promise<DiskStatus> {
  const { fast, peer, repair } = options;
  const body = {
    fast: fast === true,
    repair: repair === true,
    ...(peer === undefined ? {} : { peer }),
  };
  const { timers } = createNodeWorld('disk verify');
  const line = new ProgressLine();
  const names = await control.names(volume);
  const before = await control.status(volume);
  const leads = new Map(before.volumes.map((each) => [each.name, leadOf(each)]));
  for (const name of names) await control.post(name, 'verify', body);
  for (;;) {
    const status = await control.status(volume);
    const copies = status.volumes.flatMap(copiesOf);
    const running = copies.filter((each) => each.verify !== null || (repair === true && isCopying(each)));
    if (running.length === 0) {
      line.clear();
      for (const each of status.volumes) checkEnd(each.name, leads.get(each.name), each, peer);
      return status;
    }
    line.show(running);
    await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
  }
}
