import { SPLIT_BRAIN_ACTIONS, type SplitBrainActions } from '@eterne/disk/engine/api.ts';
import type { Prng } from '../world/prng.ts';

/** Of a volume: so often its split brains are left to the operator. */
export function pickActions(chance: Prng, byHandChance: number): SplitBrainActions {
  const isByHand = chance.chance(byHandChance);
  const pick = () => (isByHand ? 'disconnect' : (chance.pick(SPLIT_BRAIN_ACTIONS) ?? 'disconnect'));
  return { zeroPrimaries: pick(), onePrimary: pick(), twoPrimaries: pick() };
}
