import { bitmapFor, type ReplicaSummary } from '../../metadata/index.ts';

/** Would a handshake come to the same decision with either? Counters that do not matter may differ. */
export function saysTheSame(a: ReplicaSummary, b: ReplicaSummary): boolean {
  return (
    sameGenerations(a, b) &&
    a.sizeBytes === b.sizeBytes &&
    a.role === b.role &&
    a.diskState === b.diskState &&
    a.term.number === b.term.number &&
    a.set.version === b.set.version &&
    a.crashedPrimary === b.crashedPrimary &&
    a.undoneSync === b.undoneSync &&
    a.splitBrain.discards === b.splitBrain.discards &&
    a.splitBrain.promotedAtWallMs === b.splitBrain.promotedAtWallMs &&
    a.dirtyBlocks > 0 === b.dirtyBlocks > 0
  );
}

export function sameGenerations(a: ReplicaSummary, b: ReplicaSummary): boolean {
  const mine = a.generations;
  const other = b.generations;
  const peers = new Set([...Object.keys(mine.bitmaps), ...Object.keys(other.bitmaps)]);
  return (
    mine.current === other.current &&
    [...peers].every((peer) => bitmapFor(mine, peer) === bitmapFor(other, peer))
  );
}
