/** How a tie-breaker is called in the log, and of which kind it is. */
import { memberIdOf, nodeOfMember, type MemberId } from '../types.ts';

/** In the place of a node's name: no node can be called so, and it sorts after all of them. */
const TIE_NODE = '~tie';
const PROOF = 'proof-';
const SOLO = 'solo-';

/**
 * `disk`: its memory is on a disk that both nodes reach. `proof`: it has none, and is for whoever is certain that the other has stopped. `solo`: for whoever
 * does not hear the other.
 */
export type TieKind = 'disk' | 'proof' | 'solo';

/** `life`: new every time that one is made, as for every member. */
export const tieId = (life: string): MemberId => memberIdOf(TIE_NODE, life);
export const proofTieId = (life: string): MemberId => tieId(`${PROOF}${life}`);

export const soloTieId = (life: string): MemberId => tieId(`${SOLO}${life}`);

export const isTie = (id: MemberId): boolean => nodeOfMember(id) === TIE_NODE;

export function tieKindOf(id: MemberId): TieKind {
  if (id.startsWith(tieId(PROOF))) return 'proof';
  return id.startsWith(tieId(SOLO)) ? 'solo' : 'disk';
}
