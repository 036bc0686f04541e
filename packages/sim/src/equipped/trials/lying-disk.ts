import type { MirrorScenario } from '../../mirror/scenario.ts';
import type { Prng } from '../../world/prng.ts';
import { verifyAll } from './await.ts';

const LIE_MS = 4_000;
const DARK_MS = 300;

/**
 * The disk of a secondary answers flushes and does nothing, then its machine loses power. Nothing can tell what it has lost. What is promised: it is that replica
 * alone that lacks it, no client and no other replica notices anything as long as it is not promoted, and a verify with repair, from the primary, makes it
 * equal.
 */
export function tryLyingDisk(scenario: MirrorScenario, chance: Prng): void {
  const { nodes, primary, supervisor, universe } = scenario;
  const liar = chance.pick(nodes.filter((node) => node !== primary?.node));
  if (liar === undefined) return;
  const disks = scenario.dataDisksOf(liar);
  for (const disk of disks) {
    disk.lies = true;
    disk.isDoubtful = true;
  }
  universe.runUntil(universe.nowMs + LIE_MS);
  liar.powerOff();
  for (const disk of disks) disk.lies = false;
  universe.runUntil(universe.nowMs + DARK_MS);
  liar.powerOn();
  supervisor.revive(liar);
  scenario.awaitWhole();
  const lost = verifyAll(scenario, true).some(({ differingBytes }) => differingBytes > 0);
  if (lost) universe.count('losses of a lying disk repaired');
  scenario.awaitWhole();
  for (const { differingBytes } of verifyAll(scenario, false))
    if (differingBytes > 0) universe.violate('trial', `${differingBytes} bytes differ after a repair`);
  for (const disk of disks) disk.isDoubtful = false;
  scenario.sweep('after a repair an acknowledged write is missing');
}
