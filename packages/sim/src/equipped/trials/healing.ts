import type { MirrorScenario } from '../../mirror/scenario.ts';
import type { Prng } from '../../world/prng.ts';
import type { Rot } from '../rot.ts';
import { awaitThat, verifyAll } from './await.ts';

const BLOCKS_MAX = 3;
const HEAL_MS = 15_000;

/**
 * A verify with repair makes all copies equal again. With checksums whichever replica has altered blocks, the primary too, gets them from one that has not.
 * Without, nobody can tell who has, and the primary's content counts; and the primary of an asynchronous mirror reads nothing from its peers, which may lag
 * behind: so there a secondary is struck.
 */
export function tryHealing(scenario: MirrorScenario, rot: Rot, chance: Prng): void {
  const { equipment, nodes, primary, universe } = scenario;
  const hasChecksums = equipment.checksums !== 'none';
  flush(scenario);
  const isPrimaryHealed = hasChecksums && scenario.mode === 'sync';
  const struck = chance.pick(nodes.filter((node) => isPrimaryHealed || node !== primary?.node));
  if (struck === undefined || rot.strike(struck, chance, chance.whole(1, BLOCKS_MAX), hasChecksums) === 0)
    return;
  const data = scenario.dataOf(struck.name);
  // Written anew, or, where the disk takes no writes any more, kept elsewhere: the second verify reads it from there.
  const isHealed = (): boolean => data.alteredBlocks.every((offset) => data.mayBeElsewhere(offset));
  verifyAll(scenario, true);
  awaitThat(scenario, `the altered blocks of ${struck.name} are healed`, HEAL_MS, isHealed);
  if (universe.violation === undefined) universe.count('altered blocks healed');
  scenario.awaitWhole();
  for (const { differingBytes } of verifyAll(scenario, false))
    if (differingBytes > 0) universe.violate('trial', `${differingBytes} bytes differ after a repair`);
}

/** What is not on every platter cannot be altered behind everybody's back. */
function flush(scenario: MirrorScenario): void {
  let isFlushed = false;
  const { primary } = scenario;
  primary?.host.process.enter(() => primary.volume.device?.flush(() => (isFlushed = true)));
  awaitThat(scenario, 'a flush is answered', HEAL_MS, () => isFlushed);
}
