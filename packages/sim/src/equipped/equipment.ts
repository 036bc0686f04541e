import { MIB } from '@eterne/base';
import type { Equipment } from '../mirror/equipment.ts';
import type { Prng } from '../world/prng.ts';

export function pickEquipment(chance: Prng): Equipment {
  return {
    checksums: chance.chance(0.6) ? 'crc32c' : 'none',
    readPolicy: chance.pick(['local', 'round-robin', 'least-pending', 'striped'] as const),
    paths: chance.weighted([
      [2, 0],
      [3, 2],
      [1, 3],
    ] as const),
    members: chance.weighted([
      [3, 1],
      [2, 2],
      [1, 3],
    ] as const),
    isAdopted: chance.chance(0.3),
    spareBytes: chance.pick([0, 4 * MIB] as const),
    metadata: 'external',
  };
}

/** Metadata behind the data: no mirror set, and no checksums, whose checker knows them only on a disk of their own. */
export function withMetadataBehind(equipment: Equipment): Equipment {
  return { ...equipment, metadata: 'internal', members: 1, checksums: 'none', spareBytes: 0 };
}
