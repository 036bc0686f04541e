/** Who is there, by what the heart hears: see `View.alive`. Pure. */
import { isQuiet } from '../heart/quiet.ts';
import { memberIdOf, nodeOfMember, type MemberId } from '../raft/types.ts';
import type { TieView, View } from './view.ts';

type Nodes = ReadonlySet<string>;

export function aliveBy(
  heard: Nodes | undefined,
  { state, leadership, tie }: Pick<View, 'state' | 'leadership' | 'tie'>,
): Nodes | undefined {
  if (heard === undefined) return undefined;
  const told = leadership.isLeader || !isQuiet(state) ? heard : withoutLost(heard, state);
  return withoutBarred(followers(told, tie), tie?.barred, state);
}

/** In a large cluster the leader is the first to miss a node; the others believe the log. */
function withoutLost(heard: Nodes, { members }: View['state']): Nodes {
  return new Set([...heard].filter((name) => members[name]?.presence !== 'lost'));
}

/** Without the other node of a pair as long as this one goes on alone. */
function followers(heard: Nodes, tie: TieView | undefined): Nodes {
  if (!tie?.held || !tie.solo?.half) return heard;
  const peer = nodeOfMember(tie.held.peer);
  return heard.has(peer) ? new Set([...heard].filter((name) => name !== peer)) : heard;
}

/** Another life of such a node has joined anew. */
function withoutBarred(
  heard: Nodes,
  barred: ReadonlySet<MemberId> | undefined,
  { members }: View['state'],
): Nodes {
  if (barred === undefined || barred.size === 0) return heard;
  const isBarred = (name: string): boolean => {
    const member = members[name];
    return member !== undefined && barred.has(memberIdOf(name, member.voterId));
  };
  return new Set([...heard].filter((name) => !isBarred(name)));
}
