/**
 * Kills either side of a mirrored pair at random moments and brings the volume back each time: the survivor takes over when it has
 * everything, else the killed primary comes back and goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskNode, MirrorPair } from './disk-node.ts';

export interface KillPlan {
  readonly kills: number;
  /** A whole number in [0, bound). */
  readonly below: (bound: number) => number;
  /** Wait until both are equal before each kill, not only before half of them: for stores that lose what was not flushed, where only one may fail at a time. */
  readonly onlyWhenSynced: boolean;
  /** Kill a node only while this holds of it. */
  readonly until: (node: DiskNode, role: 'primary' | 'secondary') => boolean;
  /** After the processes of a node are gone, before they start again. */
  readonly onKilled?: (node: DiskNode) => void;
}

export interface KillCount {
  primaries: number;
  secondaries: number;
  takeOvers: number;
  /** Kills that hit a resynchronisation. */
  resyncs: number;
}

const CALM_MS = 400;
const DOWN_MS = 300;
const POLL_MS = 2;
const SETTLE_TIMEOUT_MS = 180_000;

/** `pair.a` is primary at the start. */
export async function killAtRandom(pair: MirrorPair, plan: KillPlan): Promise<KillCount> {
  const count: KillCount = { primaries: 0, secondaries: 0, takeOvers: 0, resyncs: 0 };
  const kill = async (node: DiskNode): Promise<void> => {
    await node.kill();
    plan.onKilled?.(node);
  };
  let [primary, secondary] = [pair.a, pair.b];
  for (let round = 0; round < plan.kills; round += 1) {
    if (plan.onlyWhenSynced || plan.below(2) === 0) await primary.wait('synced', SETTLE_TIMEOUT_MS);
    await sleep(plan.below(CALM_MS));
    const isSecondary = plan.below(2) === 0;
    const [victim, role] = isSecondary
      ? ([secondary, 'secondary'] as const)
      : ([primary, 'primary'] as const);
    const isMoment = (): boolean => plan.until(victim, role);
    let isCopy = false;
    do {
      await moment(victim, isMoment);
      // Takes time itself, and the moment may be over.
      if (!isSecondary) isCopy = await mayTakeOver(primary, secondary);
    } while (!isMoment());
    if (isSecondary) {
      count.secondaries += 1;
      await kill(secondary);
      await sleep(plan.below(DOWN_MS));
      await secondary.start();
      continue;
    }
    count.primaries += 1;
    if (!isCopy) count.resyncs += 1;
    await kill(primary);
    if (isCopy) {
      count.takeOvers += 1;
      await secondary.must('promote', { force: true });
      await sleep(plan.below(DOWN_MS));
      await primary.start();
      [primary, secondary] = [secondary, primary];
    } else {
      await sleep(plan.below(DOWN_MS));
      await primary.start();
      await primary.must('promote', { force: true });
    }
  }
  await primary.wait('synced', SETTLE_TIMEOUT_MS);
  return count;
}

async function moment(victim: DiskNode, isMoment: () => boolean): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (; !isMoment(); await sleep(POLL_MS))
    if (performance.now() > deadline)
      throw new Error(`no moment to kill ${victim.name} in ${SETTLE_TIMEOUT_MS} ms`);
}

/** Does the secondary hold every acknowledged write, by what both say? */
async function mayTakeOver(primary: DiskNode, secondary: DiskNode): Promise<boolean> {
  const [mine, theirs] = await Promise.all([primary.status(), secondary.status()]);
  return mine.inSyncSet.includes(secondary.name) && theirs.peers[0]?.replication === 'Established';
}
