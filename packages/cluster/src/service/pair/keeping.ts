/** Whether a pair may leave the disk that is its tie-breaker. Pure. */
import { EterneError } from '@eterne/base';
import { isTie } from '../../raft/tie/tie-id.ts';
import { nodeOfMember } from '../../raft/types.ts';
import type { TieBreaker } from '../../state/model.ts';
import type { View } from '../view.ts';

/**
 * It votes until both nodes are heard (node/voters.ts), and a node finds it by the configuration when its service starts: without that word the one that is left could decide
 * nothing any more from its next start on.
 */
export function leavingDiskRefusal(
  { alive, logMembers, state, tie }: Pick<View, 'alive' | 'logMembers' | 'state' | 'tie'>,
  next: TieBreaker,
): EterneError | undefined {
  const { tieBreaker: present } = state.config;
  if (tie?.kind !== 'disk' || !tie.votes || present.kind !== 'disk') return undefined;
  if (next.kind === 'disk' && next.device === present.device) return undefined;
  const silent = logMembers
    .filter(({ id, role }) => role === 'voter' && !isTie(id))
    .map(({ id }) => nodeOfMember(id))
    .find((node) => alive?.has(node) === false);
  if (silent === undefined) return undefined;
  return new EterneError(
    'refused',
    `${silent} is not heard, and ${present.device} decides in its place: it stays the tie-breaker until both nodes are there`,
    { hint: `bring ${silent} back, or remove it first` },
  );
}
