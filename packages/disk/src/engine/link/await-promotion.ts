import type { HandshakeDecision, ReplicaSummary } from '../../metadata/index.ts';

/** What the two sides say of the world around them, beside their summaries. */
export interface Surroundings {
  /** Nobody promotes but the operator (standalone). */
  readonly isLocal: boolean;
  /** The primary that either side is connected to, if any. */
  readonly leader: string;
}

/**
 * Two secondaries do not copy while somebody else may be ahead of both: what either of them lacks comes from the primary. The same on
 * both sides.
 *
 * 1. A primary that either of them follows brings it what it lacks.
 * 2. While another member of the committed set is away, it may be primary and go on; a copy would mint a generation that it knows nothing of.
 *    Whoever is promoted is the source.
 * 3. Under a cluster two members that may differ wait as well: a target is Inconsistent for a while, and the cluster may promote any member
 *    at any moment. Standalone nobody promotes by himself, so the copy need not wait.
 */
export function awaitingPromotion(
  decision: HandshakeDecision,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  { isLocal, leader }: Surroundings,
): HandshakeDecision {
  const somebodyServes = mine.role === 'primary' || theirs.role === 'primary';
  if (decision.kind !== 'sync' || somebodyServes) return decision;
  const wait = (why: string): HandshakeDecision => ({
    kind: 'wait',
    reason: `${decision.reason}: ${why}`,
    row: decision.row,
  });
  if (leader !== '') return wait(`${leader} is primary and brings it`);
  const members = committedMembers(mine, theirs);
  const isInside = (node: string): boolean => members.includes(node);
  if (members.some((member) => member !== mine.node && member !== theirs.node))
    return wait('another member of the in-sync set may have gone on: whoever is promoted will be the source');
  const isWhole = mine.diskState !== 'Inconsistent' && theirs.diskState !== 'Inconsistent';
  if (isLocal || !isWhole || !isInside(mine.node) || !isInside(theirs.node)) return decision;
  return wait('whoever is promoted will be the source');
}

function committedMembers(mine: ReplicaSummary, theirs: ReplicaSummary): readonly string[] {
  const isMineLater =
    mine.term.number === theirs.term.number
      ? mine.set.version >= theirs.set.version
      : mine.term.number > theirs.term.number;
  return isMineLater ? mine.set.members : theirs.set.members;
}
