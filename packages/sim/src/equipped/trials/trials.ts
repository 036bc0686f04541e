/** What is tried out alone, in a mirror that is whole and without any other accident: there the design promises more. */
import type { MirrorScenario } from '../../mirror/scenario.ts';
import type { Prng } from '../../world/prng.ts';
import type { Rot } from '../rot.ts';
import { tryHandOver } from './hand-over.ts';
import { tryHealing } from './healing.ts';
import { tryLyingDisk } from './lying-disk.ts';
import { tryPathLoss } from './path-loss.ts';
import { tryReading } from './reading.ts';
import { tryVerify } from './verifying.ts';

type Trial = readonly [name: string, run: (chance: Prng) => void];

/** Beside clients at work. */
export function busyTrials(scenario: MirrorScenario): readonly Trial[] {
  const { metadata, readPolicy } = scenario.equipment;
  const pathLoss: Trial = ['one of several paths is lost', (chance) => tryPathLoss(scenario, chance)];
  const lyingDisk: Trial = ['a disk that lies loses power', (chance) => tryLyingDisk(scenario, chance)];
  return [
    ['a verify of a busy volume finds nothing', () => tryVerify(scenario)],
    // Where reads are spread, clients read what it has lost. Of a disk that holds metadata nothing is promised.
    ...(readPolicy === 'local' && metadata === 'external' ? [lyingDisk] : []),
    ...(scenario.equipment.paths === 0 ? [] : [pathLoss]),
  ];
}

/** Beside clients at work, too, when the others are through: with chance of their own, so that what those draw stays as it is. */
export function laterTrials(scenario: MirrorScenario): readonly Trial[] {
  // The primary of an asynchronous mirror is alone in the set.
  if (scenario.nodes.length < 3 || scenario.mode !== 'sync') return [];
  return [['a hand-over in the middle of a copy', (chance) => tryHandOver(scenario, chance)]];
}

/** When nobody is at work. */
export function idleTrials(scenario: MirrorScenario, rot: Rot): readonly Trial[] {
  return [
    ['altered blocks are found and healed', (chance) => tryHealing(scenario, rot, chance)],
    ['every replica serves what was written', () => tryReading(scenario)],
  ];
}
