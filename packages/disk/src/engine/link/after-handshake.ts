import {
  NIL_UUID,
  witnessedOf,
  type HandshakeDecision,
  type MetadataState,
  type ReplicaSummary,
} from '../../metadata/index.ts';

/**
 * What both sides make durable before anything else: whom they have met, the higher term, and, on a secondary, the newer
 * committed set; and the common generation where the operator said that two new replicas are equal.
 */
export function afterHandshake(
  state: MetadataState,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  decision: HandshakeDecision,
): MetadataState {
  const witnessed = witnessedOf(theirs, state.peerIncarnations[theirs.node] ?? 0);
  const next: MetadataState = {
    ...state,
    peerIncarnations: { ...state.peerIncarnations, [theirs.node]: witnessed },
    // From here on the content may go on, which the bits for others do not tell.
    undoneSync: decision.kind === 'wait' ? state.undoneSync : NIL_UUID,
  };
  const committed = adoptsTerm(state, mine, theirs, decision)
    ? { ...next, term: theirs.term, set: theirs.set }
    : next;
  if (decision.kind !== 'none' || decision.adopt === undefined) return committed;
  // Among three new replicas somebody else may have been quicker.
  if (state.generations.current !== mine.generations.current) return committed;
  const members = new Set([mine.node, theirs.node, ...mine.set.members, ...theirs.set.members]);
  return {
    ...committed,
    justCreated: false,
    diskState: 'UpToDate',
    set: { version: 1 + Math.max(mine.set.version, theirs.set.version), members: [...members].sort() },
    generations: { ...committed.generations, current: decision.adopt },
  };
}

/** The higher term, whatever else is decided, and the set that goes with it. */
export function withNewerTerm(state: MetadataState, theirs: ReplicaSummary): MetadataState {
  return isNewer(theirs, state) ? { ...state, term: theirs.term, set: theirs.set } : state;
}

/**
 * Normally the newer one. Terms of different grantors cannot be compared: where one side's changes are discarded its term goes with them,
 * whatever its number, or the winner's writes would be refused as those of an older one.
 */
function adoptsTerm(
  state: MetadataState,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  decision: HandshakeDecision,
): boolean {
  const isDiscarded = decision.kind === 'sync' && decision.discards === true;
  if (isDiscarded && mine.term.grantor !== theirs.term.grantor) return decision.target === mine.node;
  return isNewer(theirs, state);
}

function isNewer(theirs: ReplicaSummary, state: MetadataState): boolean {
  if (theirs.term.number !== state.term.number) return theirs.term.number > state.term.number;
  return theirs.term.grantor === state.term.grantor && theirs.set.version > state.set.version;
}
