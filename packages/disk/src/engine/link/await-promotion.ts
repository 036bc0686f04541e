import type { HandshakeDecision, ReplicaSummary } from '../../metadata/index.ts';

/**
 * Under a cluster, two members of the committed set that may differ do not copy before one of them is primary: a target is
 * Inconsistent for a while, and the cluster may promote any member at any moment. The promoted one becomes the source, after the
 * other has left the set. Standalone (`isLocal`) nobody promotes by himself, so the copy need not wait. The same on both sides.
 */
export function awaitingPromotion(
  decision: HandshakeDecision,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  isLocal: boolean,
): HandshakeDecision {
  if (isLocal || decision.kind !== 'sync') return decision;
  const somebodyServes = mine.role === 'primary' || theirs.role === 'primary';
  const isWhole = mine.diskState !== 'Inconsistent' && theirs.diskState !== 'Inconsistent';
  if (somebodyServes || !isWhole || !areBothMembers(mine, theirs)) return decision;
  return {
    kind: 'wait',
    reason: `${decision.reason}: whoever is promoted will be the source`,
    row: decision.row,
  };
}

function areBothMembers(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
  const isMineLater =
    mine.term.number === theirs.term.number
      ? mine.set.version >= theirs.set.version
      : mine.term.number > theirs.term.number;
  const { members } = isMineLater ? mine.set : theirs.set;
  return members.includes(mine.node) && members.includes(theirs.node);
}
