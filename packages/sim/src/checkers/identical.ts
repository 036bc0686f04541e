import type { SimDisk } from '../world/disk.ts';

const PAGE_BYTES = 4096;

/** The first place where two idle replicas differ, as a sentence; undefined when they are identical byte for byte. */
export function findDifference(x: SimDisk, y: SimDisk): string | undefined {
  const offsets = new Set([...x.pageOffsets(), ...y.pageOffsets()]);
  const [mine, theirs] = [Buffer.alloc(PAGE_BYTES), Buffer.alloc(PAGE_BYTES)];
  for (const offset of [...offsets].toSorted((one, other) => one - other)) {
    x.read(offset, mine);
    y.read(offset, theirs);
    if (!mine.equals(theirs)) return `${x.name} and ${y.name} differ in the page at ${offset}`;
  }
  return undefined;
}
