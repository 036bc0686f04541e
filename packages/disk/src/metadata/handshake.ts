/**
 * Which way, and how much, two replicas synchronise when they meet. Pure and symmetric: both sides compute it from the same two summaries,
 * each as `mine` once, and come to the same decision. DESIGN §4; every row is argued in `docs/internals/handshake.md`.
 *
 * Both sides first make the other's incarnation (`peerIncarnations`) and the higher term durable. The decision never clears a bit.
 */
import { unreachable } from '@eterne/base';
import type { HandshakeDecision, HandshakeRow, ReplicaSummary, Uuid } from './api.ts';
import { NIL_UUID } from './api.ts';
import { hasForgotten } from './incarnations.ts';
import { derivedUuid } from './uuid.ts';
import type { Relation } from './relation.ts';
import { coversByBitmap, relate } from './relation.ts';

type Extent = 'bitmap' | 'full';

/** First match wins; the numbers are those of handshake.md. */
export function decideHandshake(mine: ReplicaSummary, theirs: ReplicaSummary): HandshakeDecision {
  const ordered = mine.node < theirs.node;
  return decide(ordered ? mine : theirs, ordered ? theirs : mine);
}

/**
 * The sync that carries out a split-brain decision: `victim`'s changes since the parting are overwritten. Both sides' bits are counted from the
 * same ancestor when both keep the same generation for each other; otherwise only a full copy is safe.
 */
export function resolveSplitBrain(
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
  victim: string,
): HandshakeDecision {
  const [source, target] = victim === mine.node ? [theirs, mine] : [mine, theirs];
  const extent = isOneRolledBack(source, target) ? 'full' : extentOf(relate(source, target));
  const reason = `split brain: the changes of ${target.node} are discarded`;
  const decision = fromTo(source, target, extent, reason, 'discard');
  if (decision.kind === 'sync') return { ...decision, discards: true };
  // It cannot be overwritten while it serves.
  return decision.kind === 'refuse' ? { kind: 'split-brain', reason, victim, row: 'discard' } : decision;
}

/** `a` has the lower node name, so that symmetry needs no proof row by row. */
function decide(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision {
  return (
    differentVolumes(a, b) ?? withoutDisk(a, b) ?? freshReplicas(a, b) ?? amongWritten(a, b, relate(a, b))
  );
}

/** Rows 1–3: they cannot be replicas of one volume. */
function differentVolumes(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  if (a.node === b.node) return { kind: 'refuse', reason: `both sides call themselves ${a.node}`, row: '1' };
  if (a.setLayout !== b.setLayout)
    return {
      kind: 'refuse',
      reason: `the volumes of the mirror set, their order or their sizes differ between ${a.node} and ${b.node}`,
      row: '2',
    };
  if (a.sizeBytes !== b.sizeBytes)
    return {
      kind: 'refuse',
      reason: `sizes differ: ${a.node} ${a.sizeBytes}, ${b.node} ${b.sizeBytes} bytes`,
      row: '2',
    };
  if (a.volumeUuid !== b.volumeUuid && a.volumeUuid !== NIL_UUID && b.volumeUuid !== NIL_UUID)
    return {
      kind: 'unrelated',
      reason: 'the replicas belong to different volumes of the same name',
      row: '3',
    };
  return undefined;
}

/** Row 4. */
function withoutDisk(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  const diskless = [a, b].find(({ diskState }) => !hasContent(diskState));
  if (diskless === undefined) return undefined;
  return { kind: 'wait', reason: `${diskless.node} has no disk (${diskless.diskState})`, row: '4' };
}

/** Rows 5–7: at least one side has never held data. */
function freshReplicas(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  const adopt = equalByWord(a, b);
  if (adopt !== undefined) {
    const reason = 'both replicas are new and equal by the operator’s word';
    return { kind: 'none', reason, adopt, row: '5' };
  }
  if (a.justCreated && b.justCreated)
    return { kind: 'wait', reason: 'both replicas are new: promote the one whose content counts', row: '6' };
  if (a.justCreated) return fromTo(b, a, 'full', `${a.node} is new`, '7');
  if (b.justCreated) return fromTo(a, b, 'full', `${b.node} is new`, '7');
  return undefined;
}

/**
 * The generation that replicas of which none was ever served agree on, if the operator says that they are equal. With three and more of
 * them two pairs may have agreed at the same time: then the lower one counts, and everybody comes to it.
 */
function equalByWord(a: ReplicaSummary, b: ReplicaSummary): Uuid | undefined {
  const sides = [a, b];
  if (!sides.every((side) => side.skipInitialSync && side.volumeUuid === NIL_UUID)) return undefined;
  const agreed = sides.filter(({ justCreated }) => !justCreated);
  if (agreed.some(({ diskState }) => diskState === 'Inconsistent')) return undefined;
  const [first, second] = agreed.map(({ generations }) => generations.current).sort();
  if (first === undefined) return derivedUuid(...sides.map(({ replicaUuid }) => replicaUuid).sort());
  return first === second ? undefined : first;
}

/** Rows 8–16: both have held data. */
function amongWritten(a: ReplicaSummary, b: ReplicaSummary, relation: Relation): HandshakeDecision {
  const unfinished = unfinishedSync(a, b, relation);
  if (unfinished !== undefined) return unfinished;
  if (relation.kind === 'unrelated')
    return (
      neverServed(a, b) ??
      strangers(a, b, relation) ?? {
        kind: 'unrelated',
        reason: 'the replicas have no generation in common',
        row: '9 unrelated',
      }
    );
  if (relation.kind === 'diverged')
    return (
      outsideTheSet(a, b, relation) ??
      bothOutside(a, b) ??
      rolledBackInside(a, b) ??
      survived(a, b, relation) ?? {
        kind: 'split-brain',
        reason: 'both sides were written independently',
        row: '10 split brain',
      }
    );
  if (a.term.number === b.term.number && !isOneGrantor(a, b))
    return {
      kind: 'split-brain',
      reason: `term ${a.term.number} was granted twice, by ${a.term.grantor} and by ${b.term.grantor}`,
      row: '10 two grantors',
    };
  return (
    twoPrimaries(a, b, relation) ??
    endedPrimary(a, b) ??
    rolledBack(a, b) ??
    outsideTheSet(a, b, relation) ??
    byGeneration(a, b, relation)
  );
}

/** Row 9: it took a generation by the operator's word alone, and was neither promoted nor synchronised since. */
function neverServed(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  if ((a.volumeUuid === NIL_UUID) === (b.volumeUuid === NIL_UUID)) return undefined;
  const [source, target] = a.volumeUuid === NIL_UUID ? [b, a] : [a, b];
  return fromTo(source, target, 'full', `${target.node} never held data of this volume`, '9');
}

/**
 * Row 9, of one volume: since they had a name in common one has minted more than a history holds, and the other has slept through them, as a disk does that
 * was put back to a copy from long ago. Then the set tells who has every acknowledged write.
 */
function strangers(a: ReplicaSummary, b: ReplicaSummary, relation: Relation): HandshakeDecision | undefined {
  const isOneVolume = a.volumeUuid !== NIL_UUID && a.volumeUuid === b.volumeUuid;
  if (!isOneVolume || committedSet(a, b) === undefined) return undefined;
  return outsideTheSet(a, b, relation) ?? bothOutside(a, b) ?? endedPrimary(a, b) ?? rolledBack(a, b);
}

/** Row 8: content that is half of one generation and half of another is never a source, whatever else is true. */
function unfinishedSync(
  a: ReplicaSummary,
  b: ReplicaSummary,
  relation: Relation,
): HandshakeDecision | undefined {
  const aUnfinished = a.diskState === 'Inconsistent';
  const bUnfinished = b.diskState === 'Inconsistent';
  if (!aUnfinished && !bUnfinished) return undefined;
  if (aUnfinished && bUnfinished)
    return {
      kind: 'wait',
      reason: 'neither replica is consistent: a third one must be the source',
      row: '8 wait',
    };
  const [source, target] = aUnfinished ? [b, a] : [a, b];
  if (mayLackWrites(source, target))
    return {
      kind: 'wait',
      reason: `${target.node} is Inconsistent and has seen a newer state than ${source.node}, which may lack writes`,
      row: '8 wait',
    };
  const suspect = [source, target].find((side) => isRolledBack(side, side === source ? target : source));
  if (suspect !== undefined)
    return fromTo(
      source,
      target,
      'full',
      `${target.node} is Inconsistent, and ${suspect.node} was rolled back`,
      '8',
    );
  const bitmap = relation.kind === 'equal' || coversByBitmap(source, target);
  return fromTo(source, target, bitmap ? 'bitmap' : 'full', `${target.node} is Inconsistent`, '8');
}

/** Half-overwritten blocks of `target` may be the newer ones: then only whoever holds the newest content may complete it. */
function mayLackWrites(source: ReplicaSummary, target: ReplicaSummary): boolean {
  if (source.term.number < target.term.number) return true;
  if (isRolledBack(source, target) && !isVouchedFor(source, target)) return true;
  const committed = committedSet(source, target);
  return committed !== undefined && !committed.includes(source.node);
}

function isOneGrantor(a: ReplicaSummary, b: ReplicaSummary): boolean {
  return a.term.grantor === b.term.grantor;
}

/** Row 11: one writer in a term, and none of an older one (invariant 2). Of terms of two grantors neither is the older one. */
function endedPrimary(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  if (!isOneGrantor(a, b)) return undefined;
  if (a.role === 'primary' && b.role === 'primary')
    return { kind: 'refuse', reason: 'both sides are primary: demote one', row: '11' };
  const ended = [a, b].find((side) => side.role === 'primary' && side.term.number < higherTerm(a, b));
  return (
    ended && {
      kind: 'refuse',
      reason: `${ended.node} is primary of an older term: demote it, or promote it anew`,
      row: '11',
    }
  );
}

/**
 * Row 11, terms of two grantors. One that has acknowledged nothing since they parted, as it waits (`onPeerLost: freeze`) or nobody wrote, loses nothing by
 * stepping down. What an asynchronous one acknowledged the other may lack, although it has the newer generation.
 */
function twoPrimaries(
  a: ReplicaSummary,
  b: ReplicaSummary,
  relation: Relation,
): HandshakeDecision | undefined {
  if (isOneGrantor(a, b) || a.role !== 'primary' || b.role !== 'primary') return undefined;
  const reason = 'both sides are primary';
  const row = '11 two primaries';
  if (relation.kind !== 'descends' || isOneRolledBack(a, b)) return { kind: 'split-brain', reason, row };
  const [victim, newer] = relation.newer === 'mine' ? [b, a] : [a, b];
  if (!victim.set.members.includes(newer.node) && victim.dirtyBlocks > 0)
    return { kind: 'split-brain', reason, row };
  const why = `${reason}, but ${victim.node} has written nothing since: it steps down`;
  return { kind: 'split-brain', reason: why, victim: victim.node, row };
}

function higherTerm(a: ReplicaSummary, b: ReplicaSummary): number {
  return Math.max(a.term.number, b.term.number);
}

/** Row 12: a disk that has forgotten an attach has forgotten writes too, and its bits and ours say nothing about them. */
function rolledBack(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  const aBack = isRolledBack(a, b);
  const bBack = isRolledBack(b, a);
  if (!aBack && !bBack) return undefined;
  if (aBack && bBack) {
    if (isVouchedFor(a, b) || isVouchedFor(b, a)) return undefined;
    return { kind: 'refuse', reason: 'both replicas were rolled back to an older copy', row: '12 both' };
  }
  const [suspect, witness] = aBack ? [a, b] : [b, a];
  if (isVouchedFor(suspect, witness)) return undefined;
  const reason = `${suspect.node} was rolled back to an older copy`;
  if (suspect.role === 'secondary' && isOnlyInside(suspect, witness))
    return {
      kind: 'wait',
      reason: `${reason}, but the in-sync set has it and not ${witness.node}: whoever is promoted will be the source`,
      row: '12',
    };
  return fromTo(witness, suspect, 'full', reason, '12');
}

function isOnlyInside(suspect: ReplicaSummary, other: ReplicaSummary): boolean {
  const committed = committedSet(suspect, other) ?? [];
  return committed.includes(suspect.node) && !committed.includes(other.node);
}

/**
 * A primary whose set has a third member was made whole since: that member has met it, and has every acknowledged write. A witness outside the
 * set was not there, and lacks nothing that counts by becoming a copy.
 */
function isVouchedFor(suspect: ReplicaSummary, witness: ReplicaSummary): boolean {
  return (
    suspect.role === 'primary' &&
    suspect.term.number === higherTerm(suspect, witness) &&
    isOnlyInside(suspect, witness) &&
    (committedSet(suspect, witness) ?? []).length > 1
  );
}

function isRolledBack(suspect: ReplicaSummary, witness: ReplicaSummary): boolean {
  return hasForgotten(suspect, witness.witnessedIncarnation);
}

/** Then neither side's bits cover the difference. */
function isOneRolledBack(a: ReplicaSummary, b: ReplicaSummary): boolean {
  return isRolledBack(a, b) || isRolledBack(b, a);
}

/** Row 13: a replica outside the committed set may lack acknowledged writes. */
function outsideTheSet(
  a: ReplicaSummary,
  b: ReplicaSummary,
  relation: Relation,
): HandshakeDecision | undefined {
  const committed = committedSet(a, b);
  if (committed === undefined) return undefined;
  const aInside = committed.includes(a.node);
  if (aInside === committed.includes(b.node)) return undefined;
  const [source, target] = aInside ? [a, b] : [b, a];
  // Asked before row 12 where the generations diverged: then whoever was rolled back has not even its bits.
  if (isRolledBack(source, target) && !isVouchedFor(source, target)) return undefined;
  const isDoubtful = isOneRolledBack(source, target);
  if (!isDoubtful && relation.kind === 'equal' && !hasDoubt(a, b)) return undefined;
  const extent = isDoubtful ? 'full' : extentOf(relation);
  const row = relation.kind === 'diverged' ? '10' : '13';
  return fromTo(source, target, extent, `${target.node} is outside the in-sync set`, row);
}

/** Row 10: neither of them can have acknowledged anything that a member of the set lacks, so neither can lose anything that counts. */
function bothOutside(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  const committed = committedSet(a, b);
  if (committed === undefined || committed.includes(a.node) || committed.includes(b.node)) return undefined;
  return {
    kind: 'wait',
    reason: `both are outside the in-sync set {${committed.join()}}: one of its members must be the source`,
    row: '10 wait',
  };
}

/**
 * Row 12 where the generations diverged: what the one that was rolled back minted before then was settled since, and the other, a member of
 * the set, has every acknowledged write.
 */
function rolledBackInside(a: ReplicaSummary, b: ReplicaSummary): HandshakeDecision | undefined {
  const committed = committedSet(a, b);
  if (committed === undefined || !committed.includes(a.node) || !committed.includes(b.node)) return undefined;
  // Of two that were rolled back neither is sure to have everything.
  if (isRolledBack(a, b) === isRolledBack(b, a)) return undefined;
  return endedPrimary(a, b) ?? rolledBack(a, b);
}

/**
 * Row 10, terms of two grantors: a primary whose last set has the other acknowledged nothing that this one lacks, before it crashed. The survivor is in a later
 * term, without it. What only the crashed one has was in flight.
 */
function survived(a: ReplicaSummary, b: ReplicaSummary, relation: Relation): HandshakeDecision | undefined {
  if (isOneGrantor(a, b) || isOneRolledBack(a, b)) return undefined;
  const hasSurvived = (survivor: ReplicaSummary, crashed: ReplicaSummary): boolean =>
    crashed.role === 'secondary' &&
    crashed.term.grantor === crashed.node &&
    crashed.set.members.includes(survivor.node) &&
    survivor.term.number > crashed.term.number &&
    survivor.set.members.includes(survivor.node) &&
    !survivor.set.members.includes(crashed.node);
  const [source, target] = hasSurvived(a, b) ? [a, b] : [b, a];
  if (!hasSurvived(source, target)) return undefined;
  return fromTo(source, target, extentOf(relation), `${source.node} went on without ${target.node}`, '10');
}

function extentOf(relation: Relation): Extent {
  switch (relation.kind) {
    case 'descends':
    case 'diverged':
      return relation.extent;
    case 'equal':
      return 'bitmap';
    case 'unrelated':
      return 'full';
    default:
      return unreachable(relation);
  }
}

/**
 * Under one grantor the newest (term, set version) is the committed one. Terms of different grantors cannot be compared: there the generations decide alone,
 * unless one side has given way. Undefined too before the first promotion.
 */
function committedSet(a: ReplicaSummary, b: ReplicaSummary): readonly string[] | undefined {
  if (!isOneGrantor(a, b)) return afterGivingWay(a, b)?.set.members;
  const { members } = isCommittedLater(b, a) ? b.set : a.set;
  return members.length > 0 ? members : undefined;
}

/**
 * The side that the other has given way to: that one was told that its changes go, and has made the other's term and set durable, in which it is not. Whoever
 * grants the winner's next term, this was decided, and what was decided may have begun to happen.
 */
function afterGivingWay(a: ReplicaSummary, b: ReplicaSummary): ReplicaSummary | undefined {
  const hasGivenWayTo = (winner: ReplicaSummary, loser: ReplicaSummary): boolean =>
    loser.role === 'secondary' &&
    [a, b].every(({ set: { members } }) => members.includes(winner.node) && !members.includes(loser.node));
  if (hasGivenWayTo(a, b)) return a;
  return hasGivenWayTo(b, a) ? b : undefined;
}

function isCommittedLater(x: ReplicaSummary, y: ReplicaSummary): boolean {
  return x.term.number === y.term.number ? x.set.version > y.set.version : x.term.number > y.term.number;
}

/** Rows 14–16. */
function byGeneration(a: ReplicaSummary, b: ReplicaSummary, relation: Relation): HandshakeDecision {
  if (relation.kind === 'descends') {
    const [source, target] = relation.newer === 'mine' ? [a, b] : [b, a];
    if (target.role === 'primary' && !isOneGrantor(a, b)) return lackingPrimary(target, source);
    const row = relation.extent === 'bitmap' ? '14 bitmap' : '14 full';
    return fromTo(source, target, relation.extent, `${target.node} has an older generation`, row);
  }
  if (!hasDoubt(a, b)) return { kind: 'none', reason: 'same generation, no dirty blocks', row: '15' };
  const source = sourceAmongEquals(a, b);
  const crashed = [a, b].filter((side) => side.crashedPrimary).map((side) => side.node);
  const reason =
    crashed.length > 0 ? `${crashed.join(' and ')} crashed as primary` : 'same generation with dirty blocks';
  return fromTo(source, source === a ? b : a, 'bitmap', reason, '16');
}

/**
 * Row 14, terms of two grantors. Whoever waits for the other (`onPeerLost: freeze`) has it in its set, and has acknowledged nothing that it lacks. What was
 * written there without force must not be for a policy to throw away.
 */
function lackingPrimary(primary: ReplicaSummary, newer: ReplicaSummary): HandshakeDecision {
  const reason = `${primary.node} is primary, but lacks what was written on ${newer.node} in a term of another grantor`;
  const row = '14 split brain';
  const hasWaited = primary.set.members.includes(newer.node) && !isOneRolledBack(primary, newer);
  if (!hasWaited) return { kind: 'split-brain', reason, row };
  const why = `${reason}, and has waited for it: it steps down`;
  return { kind: 'split-brain', reason: why, victim: primary.node, row };
}

/** Equal generations can differ only where a bit is set or a primary crashed. */
function hasDoubt(a: ReplicaSummary, b: ReplicaSummary): boolean {
  return [a, b].some((side) => side.crashedPrimary || side.dirtyBlocks > 0);
}

/**
 * The primary now; else the side that did not restart since they last met, as a restart may have cost it acknowledged writes that no
 * flush had covered; else the crashed primary, the higher term, the lower node name.
 */
function sourceAmongEquals(a: ReplicaSummary, b: ReplicaSummary): ReplicaSummary {
  if (a.role !== b.role) return a.role === 'primary' ? a : b;
  const aRestarted = hasRestarted(a, b);
  if (aRestarted !== hasRestarted(b, a)) return aRestarted ? b : a;
  if (a.crashedPrimary !== b.crashedPrimary) return a.crashedPrimary ? a : b;
  return b.term.number > a.term.number ? b : a;
}

function hasRestarted(side: ReplicaSummary, witness: ReplicaSummary): boolean {
  return side.incarnation > witness.witnessedIncarnation;
}

/** A sync, if its source has whole content to give and its target may be overwritten. */
function fromTo(
  source: ReplicaSummary,
  target: ReplicaSummary,
  extent: Extent,
  reason: string,
  row: HandshakeRow,
): HandshakeDecision {
  if (source.diskState === 'Inconsistent')
    return {
      kind: 'wait',
      reason: `${reason}, but ${source.node} is Inconsistent: a third one must be the source`,
      row,
    };
  if (target.role === 'primary' && target.diskState !== 'Inconsistent')
    return {
      kind: 'refuse',
      reason: `${reason}, but ${target.node} is primary and cannot be overwritten: demote it first`,
      row,
    };
  return { kind: 'sync', source: source.node, target: target.node, extent, reason, row };
}

function hasContent(state: ReplicaSummary['diskState']): boolean {
  return state !== 'Diskless' && state !== 'Failed' && state !== 'Attaching';
}
