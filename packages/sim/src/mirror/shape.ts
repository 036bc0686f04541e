import type { Prng } from '../world/prng.ts';
import type { WorkloadShape } from './workload.ts';

/** Few places, so that writes collide; on both sides of every extent's border, so that the activity log works. */
export function pickShape(chance: Prng, sectors: number): WorkloadShape {
  const places = Array.from({ length: chance.whole(6, 40) }, () => {
    const block = chance.below(sectors / 8) * 8;
    return chance.chance(0.8) ? block : block + chance.below(8);
  });
  return {
    depth: chance.pick([1, 3, 6, 12] as const),
    thinkMs: chance.between(60, 300),
    places,
    sizeSectors: [
      [8, 8],
      [8, 8],
      [1, 16],
      [8, 64],
      [64, 256],
    ],
  };
}
