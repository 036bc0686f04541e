import {
  NIL_UUID,
  isAhead,
  witnessedOf,
  type HandshakeDecision,
  type MetadataState,
  type ReplicaSummary,
} from '../../metadata/index.ts';
import type { Grant } from '../api.ts';
import { withShown } from '../resize/with-shown.ts';

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
  const next: MetadataState = {
    ...(theirs.role === 'primary' ? withShown(state, theirs.sizeBytes) : state),
    ...(copiesToEqual(mine, decision) ? {} : witnessing(state, theirs)),
    // From here on the content may go on, which the bits for others do not tell.
    undoneSync: decision.kind === 'wait' ? state.undoneSync : NIL_UUID,
  };
  const committed = { ...next, ...adopted(state, mine, theirs, decision) };
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

/**
 * Among equals this side is the source, perhaps because the other has restarted and may lack writes. It has met that one when their generations differ
 * (`copy-out.ts`): a crash before then would else leave two equals of which only this side has restarted, and would be overwritten.
 */
function copiesToEqual(mine: ReplicaSummary, decision: HandshakeDecision): boolean {
  return decision.kind === 'sync' && decision.row === '16' && decision.source === mine.node;
}

/** The other one's life is met, and it counts no more that it has restarted. */
export function witnessing(
  { peerIncarnations }: MetadataState,
  theirs: ReplicaSummary,
): Pick<MetadataState, 'peerIncarnations'> {
  const witnessed = witnessedOf(theirs, peerIncarnations[theirs.node] ?? 0);
  return { peerIncarnations: { ...peerIncarnations, [theirs.node]: witnessed } };
}

/** The higher term, whatever else is decided, and the set that goes with it. */
export function withNewerTerm(state: MetadataState, theirs: ReplicaSummary): MetadataState {
  return isNewer(theirs, state) ? { ...state, term: theirs.term, set: theirs.set } : state;
}

/**
 * The term and set that count from here on, normally the newer ones. Those of different grantors cannot be compared: there the generations say
 * who is copied, and it is for the side that is copied to to leave its own. Were the source to take them, it would be outside that set, and a
 * copy cut short in its first moment would turn round and overwrite what only the source has.
 */
function adopted(
  state: MetadataState,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  decision: HandshakeDecision,
): Pick<MetadataState, 'term' | 'set'> {
  const { term, set } = isNewer(theirs, state) ? theirs : state;
  if (isOneGrantor(mine, theirs)) return { term, set };
  if (decision.kind === 'sync')
    return decision.source === mine.node ? ofSource(mine, theirs) : ofSource(theirs, mine);
  // Nothing is copied. A primary's writes must be taken all the same, but not where the two went on apart and one has no disk now: with that term and set
  // this side would have given way, unawares, and be overwritten when the disk is back.
  if (mine.role === 'primary' || (decision.row === '4' && isAhead(mine, theirs))) return state;
  if (theirs.role === 'primary') return { term: theirs.term, set: theirs.set };
  return decision.kind === 'none' ? { term, set } : state;
}

/**
 * What both sides have from then on. A term that the source granted itself gets a number above the target's: promoted again, the target would else
 * serve a second time under one number. A primary goes on under the number that it has.
 */
function ofSource(source: ReplicaSummary, target: ReplicaSummary): Pick<MetadataState, 'term' | 'set'> {
  const { role, set, term, node } = source;
  if (role === 'primary' || term.grantor !== node) return { term, set };
  return { term: { ...term, number: Math.max(term.number, target.term.number + 1) }, set };
}

/** Before the first term there is no grantor, and nothing that could be lost. */
function isOneGrantor(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
  const [a, b] = [mine.term, theirs.term];
  return a.grantor === b.grantor || a.number === 0 || b.number === 0;
}

/** Is `theirs` committed later, as far as the two can be compared? */
export function isNewer(theirs: Grant, state: Grant): boolean {
  if (theirs.term.number !== state.term.number) return theirs.term.number > state.term.number;
  return theirs.term.grantor === state.term.grantor && theirs.set.version > state.set.version;
}
