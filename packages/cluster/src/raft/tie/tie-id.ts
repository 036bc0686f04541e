/** How a tie-breaker is called in the log. */
import { memberIdOf, nodeOfMember, type MemberId } from '../types.ts';

/** In the place of a node's name: no node can be called so, and it sorts after all of them. */
const TIE_NODE = '~tie';

/** `life`: new every time that one is made, as for every member. */
export const tieId = (life: string): MemberId => memberIdOf(TIE_NODE, life);

export const isTie = (id: MemberId): boolean => nodeOfMember(id) === TIE_NODE;
