import { SECTOR_BYTES } from '../world/page.ts';
import type { ReplicaDisk } from '../world/replica-disk.ts';

const PAGE_BYTES = 4096;

/**
 * The first place where two idle replicas differ, as a sentence; undefined when they are identical byte for byte, up to the volume's end. What a disk keeps
 * elsewhere because it could not write it is read through the volume instead.
 */
export function findDifference(
  x: ReplicaDisk,
  y: ReplicaDisk,
  sizeBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  const offsets = new Set([...x.pageOffsets(), ...y.pageOffsets()]);
  const [mine, theirs] = [Buffer.alloc(PAGE_BYTES), Buffer.alloc(PAGE_BYTES)];
  for (const offset of [...offsets].toSorted((one, other) => one - other)) {
    if (offset >= sizeBytes || isElsewhere(x, offset) || isElsewhere(y, offset)) continue;
    x.read(offset, mine);
    y.read(offset, theirs);
    if (!mine.equals(theirs)) return `${x.name} and ${y.name} differ in the page at ${offset}`;
  }
  return undefined;
}

function isElsewhere(disk: ReplicaDisk, offset: number): boolean {
  return disk.isForgiven(offset / SECTOR_BYTES);
}
