/**
 * How a disk that was put back to an older copy is told from one that only was away. Every attach takes an *incarnation*: the attaches
 * so far, and chance. Peers make the newest one they have met durable; the disk itself remembers its last ones. A disk that does not
 * remember what a peer has met forgot what it did since then, also when it was attached as often again in the meantime.
 */
import type { Random } from '@eterne/runtime';
import type { MetadataState } from './api.ts';

/** Beside the present one. A peer that was away for more attaches than this must take a disk's word. */
export const FORMER_INCARNATIONS = 15;
/** An incarnation is attaches · 2²⁴ + chance, so that later ones are higher and two of one count differ. */
const CHANCE = 2 ** 24;
/** Attaches that a disk may have been put back by, at most, to be whole in the eyes of all; 2²⁹ are counted in all. */
const LEAP = 2 ** 12;

export type Incarnations = Pick<MetadataState, 'incarnation' | 'formerIncarnations'>;

/** What an attach begins. */
export function attached({ incarnation, formerIncarnations }: Incarnations, random: Random): Incarnations {
  const former = incarnation === 0 ? [] : [incarnation, ...formerIncarnations];
  return {
    incarnation: (Math.floor(incarnation / CHANCE) + 1) * CHANCE + random.below(CHANCE),
    formerIncarnations: former.slice(0, FORMER_INCARNATIONS),
  };
}

/** Was `witnessed` (0: nothing) an incarnation of this disk of which it knows no more? */
export function hasForgotten({ incarnation, formerIncarnations }: Incarnations, witnessed: number): boolean {
  const remembered = [incarnation, ...formerIncarnations];
  return witnessed > Math.min(...remembered) && !remembered.includes(witnessed);
}

/** What a peer keeps of a disk that it meets: of one that was put back, the incarnation that tells, until everything was copied to it. */
export function witnessedOf(met: Incarnations, known: number): number {
  return hasForgotten(met, known) ? known : met.incarnation;
}

/**
 * A copy from a peer that has `witnessed` is over: a disk that was put back has what that peer has, whatever it forgot. Its next number is above all that
 * it may have taken before it was put back, so it has forgotten nothing in the eyes of third replicas either, also of those that met it when its source did not.
 */
export function madeWhole(
  { incarnation, formerIncarnations }: Incarnations,
  witnessed: number,
): Incarnations {
  if (!hasForgotten({ incarnation, formerIncarnations }, witnessed))
    return { incarnation, formerIncarnations };
  const attaches = Math.floor(Math.max(incarnation, witnessed) / CHANCE);
  return { incarnation: (attaches + LEAP) * CHANCE + (incarnation % CHANCE), formerIncarnations: [] };
}
