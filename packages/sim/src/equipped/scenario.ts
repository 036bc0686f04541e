/**
 * The mirror scenario with what a volume may have besides: checksums on disks that alter what they hold, several paths, mirror sets, data that was there
 * before, growth, verifies, read policies, disks that are replaced while their node serves. In the end some of it is tried out alone, where more is promised
 * than under any accident (`trials/`).
 */
import { MirrorScenario, type ScenarioOptions } from '../mirror/scenario.ts';
import type { SeedResult } from '../run/result.ts';
import { Prng } from '../world/prng.ts';
import { EquippedExtras } from './extras.ts';
import { pickEquipment, withMetadataBehind } from './equipment.ts';

const METADATA_BEHIND_CHANCE = 0.2;

export function runEquipped(seed: number, options: ScenarioOptions): SeedResult {
  const picked = pickEquipment(new Prng(seed, 'equipment'));
  const isBehind = new Prng(seed, 'metadata behind').chance(METADATA_BEHIND_CHANCE);
  const equipment = isBehind ? withMetadataBehind(picked) : picked;
  const scenario = new MirrorScenario(seed, options, equipment, (whole) => new EquippedExtras(whole));
  scenario.run();
  return scenario.result();
}
