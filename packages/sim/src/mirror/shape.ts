import type { Prng } from '../world/prng.ts';
import type { WorkloadShape } from './workload.ts';

/** How many sectors an operation covers, from and to, with weights: mostly a block, sometimes ragged, seldom large. */
const SIZES: WorkloadShape['sizeSectors'] = [
  [20, [8, 8]],
  [8, [1, 16]],
  [3, [8, 64]],
  [1, [64, 256]],
];

/** Few places, so that operations collide; anywhere in the volume, so that the activity log has to let extents go. */
export function pickShape(chance: Prng, sectors: number): WorkloadShape {
  const places = Array.from({ length: chance.whole(2, chance.whole(4, 40)) }, () => {
    const block = chance.below(sectors / 8) * 8;
    return chance.chance(0.8) ? block : block + chance.below(8);
  });
  const depth = chance.pick([1, 3, 6, 12] as const);
  return {
    depth,
    thinkMs: depth * chance.between(25, 50),
    places,
    sizeSectors: SIZES,
    ends: [],
  };
}
