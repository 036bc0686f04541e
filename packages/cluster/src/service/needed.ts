/** Whether the members that stay could decide without one that is to leave. Pure. */
import { EterneError } from '@eterne/base';
import { electorsOf } from '../raft/members.ts';
import { isTie } from '../raft/tie/tie-id.ts';
import { memberIdOf, nodeOfMember, type MemberId } from '../raft/types.ts';
import type { ClusterState } from '../state/model.ts';
import type { View } from './view.ts';

/**
 * Of a log that the nodes keep. A tie-breaker leaves with its pair. Who was removed and has not left the log yet is heard by no heart, and may well answer (node/voters.ts); the former life of a node that lost its log has left, too, whatever its name. Nobody lacks one that is
 * silent itself. Undefined: `node` may go, as far as this is concerned.
 */
export function undecidedWithout(
  { alive, logMembers }: Pick<View, 'alive' | 'logMembers'>,
  { members }: Pick<ClusterState, 'members'>,
  node: string,
): EterneError | undefined {
  const ids = Object.values(members).map(({ name, voterId }) => memberIdOf(name, voterId));
  const isMember = (id: MemberId): boolean => ids.includes(id);
  const electors = electorsOf(logMembers).filter((id) => !isTie(id));
  const own = electors.find((id) => isMember(id) && nodeOfMember(id) === node);
  const others = electors.filter((id) => id !== own);
  if (own === undefined || ids.length === 1) return undefined;
  if (!others.some(isMember))
    return new EterneError(
      'refused',
      `nobody else votes yet: without ${node} nobody could decide anything any more`,
      {
        hint: 'wait until another member votes',
      },
    );
  const silent = others
    .filter((id) => isMember(id) && alive?.has(nodeOfMember(id)) === false)
    .map(nodeOfMember);
  if (alive?.has(node) === false || 2 * silent.length < others.length) return undefined;
  const [is, them] = silent.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return new EterneError(
    'refused',
    `${silent.join(', ')} ${is} not heard: without ${node} nobody could decide anything any more`,
    { hint: `bring ${them} back, or remove ${them} first` },
  );
}
