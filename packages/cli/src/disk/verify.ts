/** `eterne disk verify`: begins it and stays until it is over, with its progress on a terminal. */
import { EterneError } from '@eterne/base';
import type { PeerStatus } from '@eterne/disk/engine/api.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Control, DiskStatus } from './control.ts';
import { ProgressLine } from './progress.ts';

export interface VerifyOptions {
  readonly fast?: true;
  readonly repair?: true;
  readonly peer?: string;
}

const POLL_MS = 200;

/** The status at its end. A verify that was cut short is an error; one that found differences is not. */
export async function verify(
  control: Control,
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
  for (const name of await control.names(volume)) await control.post(name, 'verify', body);
  for (;;) {
    const status = await control.status(volume);
    const peers = status.volumes.flatMap((each) => each.peers);
    const running = peers.filter((each) => each.verify !== null || isRepairing(each, options));
    if (running.length === 0) {
      line.clear();
      return finished(status, peer);
    }
    line.show(running);
    await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
  }
}

const isRepairing = ({ replication }: PeerStatus, { repair }: VerifyOptions): boolean =>
  repair === true && (replication === 'SyncSource' || replication === 'SyncTarget');

function finished(status: DiskStatus, peer: string | undefined): DiskStatus {
  for (const { name, peers } of status.volumes)
    for (const { node, lastVerify } of peers)
      if (lastVerify?.isDone === false && (peer === undefined || peer === node))
        throw new EterneError(
          'io',
          `volume ${name}: the verify with ${node} was cut short: ${lastVerify.reason}`,
        );
  return status;
}
