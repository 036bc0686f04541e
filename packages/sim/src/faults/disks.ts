/** Disks that are slow, hang, fail, or have sectors that cannot be read; a file system without room. */
import type { SimDisk } from '../world/disk.ts';
import type { SimNode } from '../world/node.ts';
import type { Fault } from './plan.ts';

const BAD_SPOTS_MAX = 6;
const BAD_SPOT_SECTORS_MAX = 24;

export const slowDisk: Fault = (_plan, node, chance) => {
  const disks = [...node.disks.values()];
  const before = disks.map(({ temper }) => temper);
  for (const disk of disks)
    disk.temper = {
      syncChance: 0,
      latencyMs: [1, chance.between(2, 80)],
      flushLatencyMs: [5, chance.between(10, 300)],
    };
  return () => {
    for (const [i, disk] of disks.entries()) disk.temper = before[i] ?? disk.temper;
  };
};

export const DISK_FAULTS: Readonly<Record<string, Fault>> = {
  'slow disk': slowDisk,
  'hanging disk': ({ victims }, node, chance) => {
    const disk = pickDisk(node, chance);
    if (disk === undefined) return undefined;
    disk.hanging = true;
    return () => {
      disk.hanging = false;
      victims.reattach(node);
    };
  },
  'failing disk': ({ victims }, node, chance) => {
    const disk = pickDisk(node, chance);
    if (disk === undefined) return undefined;
    disk.broken = true;
    return () => {
      disk.broken = false;
      victims.reattach(node);
    };
  },
  'full disk': ({ victims }, node, chance) => {
    const disk = pickDisk(node, chance);
    if (disk === undefined) return undefined;
    disk.full = true;
    return () => {
      disk.full = false;
      victims.reattach(node);
    };
  },
  'unreadable sectors': ({ victims }, node, chance) => {
    const disk = pickDisk(node, chance);
    if (disk === undefined) return undefined;
    const offsets = disk.pageOffsets();
    for (let spot = chance.whole(1, BAD_SPOTS_MAX); spot > 0; spot -= 1)
      disk.spoil(chance.pick(offsets) ?? 0, chance.whole(1, BAD_SPOT_SECTORS_MAX));
    return () => {
      disk.mend();
      victims.reattach(node);
    };
  },
  'full file system': (_plan, { fileSystem }) => {
    if (fileSystem.isEmpty) return undefined;
    fileSystem.full = true;
    return () => {
      fileSystem.full = false;
    };
  },
};

/** Data and metadata alike. */
function pickDisk(node: SimNode, chance: Parameters<Fault>[2]): SimDisk | undefined {
  return chance.pick([...node.disks.values()]);
}
