/** How two replicas' contents relate, from generations alone. Pure and symmetric: swapped input, swapped answer. */
import type { Generations, ReplicaSummary, Uuid } from './api.ts';
import { NIL_UUID } from './api.ts';
import { bitmapFor, syncGeneration } from './generations.ts';

export type Relation =
  /** The same generation; differences are the bits already set. */
  | { readonly kind: 'equal' }
  /** One side descends from the other; `bitmap`: its bits cover the difference. */
  | { readonly kind: 'descends'; readonly newer: 'mine' | 'theirs'; readonly extent: 'bitmap' | 'full' }
  /** Both went on from a common ancestor; `bitmap`: both count their bits from it, so the union covers the difference. */
  | { readonly kind: 'diverged'; readonly extent: 'bitmap' | 'full' }
  | { readonly kind: 'unrelated' };

export function relate(mine: ReplicaSummary, theirs: ReplicaSummary): Relation {
  const my = mine.generations;
  const their = theirs.generations;
  if (my.current === NIL_UUID || their.current === NIL_UUID) return { kind: 'unrelated' };
  if (my.current === their.current) return { kind: 'equal' };

  const theyCoverMe = coversByBitmap(theirs, mine);
  const iCoverThem = coversByBitmap(mine, theirs);
  if (theyCoverMe && iCoverThem) return { kind: 'diverged', extent: 'bitmap' };
  if (theyCoverMe) return { kind: 'descends', newer: 'theirs', extent: 'bitmap' };
  if (iCoverThem) return { kind: 'descends', newer: 'mine', extent: 'bitmap' };

  const theyDescend = hasPassed(their, my.current);
  const iDescend = hasPassed(my, their.current);
  if (theyDescend && iDescend) return { kind: 'diverged', extent: 'full' };
  // A bitmap kept for another node may have been cleared in part by a sync to it, so it proves nothing here: full.
  if (theyDescend) return { kind: 'descends', newer: 'theirs', extent: 'full' };
  if (iDescend) return { kind: 'descends', newer: 'mine', extent: 'full' };

  if (haveCommonBase(mine, theirs)) return { kind: 'diverged', extent: 'bitmap' };
  const shared = my.history.some((uuid) => their.history.includes(uuid));
  return shared ? { kind: 'diverged', extent: 'full' } : { kind: 'unrelated' };
}

/** Has this side gone on from something that the other one has, or both from a common ancestor? Then it has what the other lacks. */
export function isAhead(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
  const relation = relate(mine, theirs);
  return relation.kind === 'diverged' || (relation.kind === 'descends' && relation.newer === 'mine');
}

/** Do `newer`'s bits for `older` cover the difference: has `older` the content they are counted from, or a sync begun from it, perhaps undone? */
export function coversByBitmap(newer: ReplicaSummary, older: ReplicaSummary): boolean {
  const base = bitmapFor(newer.generations, older.node);
  if (base === NIL_UUID) return false;
  const { current } = older.generations;
  const names = [base, syncGeneration(base, newer.replicaUuid, older.node)];
  return names.includes(current) || names.includes(older.undoneSync);
}

export function hasPassed(generations: Generations, uuid: Uuid): boolean {
  return generations.history.includes(uuid) || Object.values(generations.bitmaps).includes(uuid);
}

/** Do both keep bits for each other, counted from one generation? */
function haveCommonBase(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
  const base = bitmapFor(mine.generations, theirs.node);
  return base !== NIL_UUID && base === bitmapFor(theirs.generations, mine.node);
}
