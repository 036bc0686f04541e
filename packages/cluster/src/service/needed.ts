/** Whether the members that stay could decide without one that is to leave. Pure. */
import { EterneError } from '@eterne/base';
import { electorsOf } from '../raft/members.ts';
import { isTie } from '../raft/tie/tie-id.ts';
import { nodeOfMember } from '../raft/types.ts';
import type { ClusterState } from '../state/model.ts';
import type { View } from './view.ts';

/**
 * Of a log that the nodes keep. A tie-breaker leaves with its pair. Who was removed and has not left the log yet is heard by no heart, and may well answer (node/voters.ts). Nobody lacks one that is
 * silent itself. Undefined: `node` may go, as far as this is concerned.
 */
export function undecidedWithout(
  { alive, logMembers }: Pick<View, 'alive' | 'logMembers'>,
  { members }: Pick<ClusterState, 'members'>,
  node: string,
): EterneError | undefined {
  const isMember = (name: string): boolean => members[name] !== undefined;
  const electors = electorsOf(logMembers).filter((id) => !isTie(id));
  const names = electors.map(nodeOfMember);
  const others = names.filter((name) => name !== node);
  if (!names.includes(node) || !isMember(node) || Object.keys(members).length === 1) return undefined;
  if (!others.some(isMember))
    return new EterneError(
      'refused',
      `nobody else votes yet: without ${node} nobody could decide anything any more`,
      {
        hint: 'wait until another member votes',
      },
    );
  const silent = others.filter((name) => isMember(name) && alive?.has(name) === false);
  if (alive?.has(node) === false || 2 * silent.length < others.length) return undefined;
  const [is, them] = silent.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return new EterneError(
    'refused',
    `${silent.join(', ')} ${is} not heard: without ${node} nobody could decide anything any more`,
    { hint: `bring ${them} back, or remove ${them} first` },
  );
}
