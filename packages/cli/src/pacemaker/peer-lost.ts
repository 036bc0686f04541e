/**
 * `peerLost.command` of a volume under Pacemaker: the primary has lost replicas and holds its writes. Their loss is marked in the cluster's
 * configuration, which every later promotion reads, as soon as that is certain to come in time:
 *
 * 1. This partition has quorum.
 * 2. Each lost node is a member of it, or cleanly down: stopped in order, or fenced.
 * 3. The marks are written, with the version of the in-sync set they belong to.
 *
 * Invariant 1: the primary acknowledges nothing alone before 3. Without fencing Pacemaker calls a silent node clean, and 2 means nothing.
 */
import type { Timers } from '@eterne/runtime';
import type { Crm } from './crm.ts';
import { whyNotYet } from './membership.ts';

const RETRY_MS = 500;

/** Returns when every mark is written. Whoever asked ends it when that takes too long. */
export async function settlePeerLoss(
  crm: Crm,
  timers: Timers,
  loss: { readonly volume: string; readonly version: string; readonly lost: readonly string[] },
  log: (message: string) => void,
): Promise<void> {
  let said: string | undefined;
  for (;;) {
    const obstacle = whyNotYet(await crm.membership(), loss.lost);
    if (obstacle === undefined) break;
    if (obstacle !== said) log(`volume ${loss.volume}: ${obstacle}`);
    said = obstacle;
    await new Promise<void>((resolve) => void timers.after(RETRY_MS, resolve));
  }
  for (const node of loss.lost) await crm.mark(loss.volume, node, loss.version);
}
