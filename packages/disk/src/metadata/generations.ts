/**
 * How a replica's data generations move. Pure; each function is one durable `VolumeMetadata.update`. DESIGN §4 "Generations".
 *
 * Life of a bitmap generation `bm[p]` on the node that has newer data:
 *
 *     NIL ── divided (first write after the loss of p is settled) ──▶ what p still has
 *     what p still has ── syncOpened, syncConfirmed ──▶ p's sync generation ── syncFinished / peerCaughtUp ──▶ NIL
 *
 * A sync, crash-safe in this order; each step is durable before the next:
 * 1. source: union of both bitmaps (all bits for a full sync), then `syncOpened`;
 * 2. target: `syncTargetBegun(syncGeneration(…))` and disk state Inconsistent: its half-new content now has a name of its own;
 * 3. source: `syncConfirmed`; only now may data be sent and, after the target's flush, bits be cleared;
 * 4. target, all blocks flushed: `syncTargetFinished`;
 * 5. source: last bits cleared durably, then `syncFinished`.
 * Cut short after 1 the target is still what it was; after 2 the source recognises the name it would have confirmed; after 3 the
 * sync goes on from the bits; after 4 both have the same current generation and no bits.
 */
import { assert } from '@eterne/base';
import type { Generations, Uuid } from './api.ts';
import { HISTORY_LENGTH, NIL_UUID } from './api.ts';
import { derivedUuid } from './uuid.ts';

export const NO_GENERATIONS: Generations = { current: NIL_UUID, bitmaps: {}, history: [] };

/** The bitmap generation kept for `peer`, NIL when none. */
export function bitmapFor(generations: Generations, peer: string): Uuid {
  return Object.hasOwn(generations.bitmaps, peer) ? (generations.bitmaps[peer] ?? NIL_UUID) : NIL_UUID;
}

/**
 * A new current generation. `lacking`: every peer that does not have it yet, the lost ones and those it is still to be announced to;
 * a peer that already lacks an older one keeps that. Minted only once the loss is settled, before the first write
 * without the lost peer is acknowledged; a connected secondary calls it when the primary announces `fresh`.
 */
export function divided(generations: Generations, fresh: Uuid, lacking: readonly string[]): Generations {
  assert(fresh !== NIL_UUID && fresh !== generations.current, 'a new generation is new');
  const { current } = generations;
  if (current === NIL_UUID) return { ...generations, current: fresh };
  const bitmaps = { ...generations.bitmaps };
  for (const peer of lacking) if (bitmapFor(generations, peer) === NIL_UUID) bitmaps[peer] = current;
  return { current: fresh, bitmaps, history: remembered(generations.history, current) };
}

/** `peer` has our current generation and no bit is set for it. */
export function peerCaughtUp(generations: Generations, peer: string): Generations {
  return withBitmap(generations, peer, NIL_UUID);
}

/**
 * The name of a target's content while it is being synchronised: known to both sides without talking, and to nobody else.
 * `base`: the source's bitmap generation for the target after `syncOpened`.
 */
export function syncGeneration(base: Uuid, sourceReplica: Uuid, target: string): Uuid {
  return derivedUuid('eterne sync', base, sourceReplica, target);
}

/**
 * Source, step 1. When nothing names what the target still has, `fresh` does: for a full sync as the target's name (what it was called before is
 * void), for a bitmap sync among equals as our own new generation, because from here on we may take writes that the target
 * lacks; other `known` peers that have the old one get the new one announced, as after `divided`.
 */
export function syncOpened(
  generations: Generations,
  target: string,
  extent: 'bitmap' | 'full',
  fresh: Uuid,
  known: readonly string[],
): Generations {
  if (extent === 'full') return withBitmap(generations, target, fresh);
  if (bitmapFor(generations, target) !== NIL_UUID) return generations;
  return divided(generations, fresh, [target, ...known]);
}

/** Target, step 2. What it was called before is in the source's history or void; its own history is replaced at the end. */
export function syncTargetBegun(generations: Generations, name: Uuid): Generations {
  return { ...generations, current: name };
}

/** Source, step 3. */
export function syncConfirmed(generations: Generations, target: string, name: Uuid): Generations {
  return withBitmap(generations, target, name);
}

/**
 * Target, step 4: it has the source's content and name. For third nodes it lacks what the source lacks: their bitmap generations come
 * along, and so must the source's bits for them (union, durable, before this).
 */
export function syncTargetFinished(source: Generations, sourceNode: string, self: string): Generations {
  const bitmaps = { ...source.bitmaps, [sourceNode]: NIL_UUID };
  delete bitmaps[self];
  return { current: source.current, bitmaps, history: source.history };
}

/** Source, step 5. */
export function syncFinished(generations: Generations, target: string): Generations {
  return withBitmap(generations, target, NIL_UUID);
}

function withBitmap(generations: Generations, peer: string, uuid: Uuid): Generations {
  return { ...generations, bitmaps: { ...generations.bitmaps, [peer]: uuid } };
}

function remembered(history: readonly Uuid[], uuid: Uuid): readonly Uuid[] {
  return [uuid, ...history.filter((old) => old !== uuid)].slice(0, HISTORY_LENGTH);
}
