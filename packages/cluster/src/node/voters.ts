/**
 * Keeps the log's members what the state says they are. Only the leader acts; one change at a time, the next when the last is committed.
 *
 *   in the state, not in the log        → add as learner
 *   a learner whose node is heard       → promote to voter, once it has caught up
 *   in the log, not in the state        → remove (also the former life of a node that came back without its log); before one of a pair, a tie-breaker that
 *                                         would leave the other without an answer; not while those who stay could not decide without it
 *   the last that votes is to leave     → first somebody who stays comes and votes
 *   the leader itself is to be removed  → it hands leadership over to who stays, who removes it. A leader that is no voter of what it has to commit needs the
 *                                         tie-breaker of a pair beside the other, and leaves on it what the other may lack: that one could never lead (members seed 16000055)
 *
 * A tie-breaker (raft/tie/) is a member of the log and of no state: two voters that await no witness have one, of the kind that the configuration says. It goes with the pair for
 * which it was made: before anybody comes in the place of one who left.
 * It is made, or exchanged for one of another kind, only while both voters are heard, so that this needs no tie broken.
 *
 * A third voter takes its place (raft/members.ts), and until it does the pair has its tie-breaker:
 *
 *   the newcomer listens, is heard      → it becomes the tie-breaker's successor; a step later the tie-breaker is removed, and the successor votes
 *   the successor is not heard          → removed again, and listens from the beginning
 *
 * One that lets both go on (prefer: availability) cannot stay so long: the newcomer would follow one of the halves, and its log could not be put back when that half gives way. So
 * nobody listens while it is there, and it goes, both being heard, when the newcomer is heard as well; when that falls silent before it votes it is removed, and the tie-breaker made again.
 *
 * A newcomer that is not heard stays a learner: as a voter it would only make majorities harder to reach.
 */
import { EterneError } from '@eterne/base';
import type { Timer, Timers } from '@eterne/runtime';
import {
  changeMembers,
  electorsOf,
  isQuorum,
  type Member,
  type MemberChange,
  type Members,
} from '../raft/members.ts';
import { HandOverPace } from '../raft/hand-over-pace.ts';
import type { SeenTie } from '../raft/tie/tie-transport.ts';
import { isTie, tieKindOf, type TieKind } from '../raft/tie/tie-id.ts';
import { memberIdOf, nodeOfMember, type MemberId } from '../raft/types.ts';
import { SUCCESSOR_LEVEL } from '../state/levels.ts';
import { prefersAvailability, sortedValues, type ClusterState } from '../state/model.ts';

const LOOK_INTERVAL_MS = 200;
/** A disk that could not be written is tried again after this. */
const TIE_RETRY_MS = 5000;

/** Beside Raft's own changes: a tie-breaker is written to its disk before it becomes a learner. `hand-over`: to the first of them that is able to lead. */
export type NextChange =
  | MemberChange
  | { readonly kind: 'hand-over'; readonly to: readonly MemberId[] }
  | { readonly kind: 'make-tie'; readonly device: string; readonly owners: readonly [string, string] }
  | { readonly kind: 'make-proof-tie' }
  | { readonly kind: 'make-solo-tie' };

/** Every node and witness of the state. */
export function votersOf({ members }: Pick<ClusterState, 'members'>): Members {
  return sortedValues(members).map(({ name, voterId }) => ({ id: memberIdOf(name, voterId), role: 'voter' }));
}

export interface Seen extends SeenTie {
  /** This leader. */
  readonly self: MemberId;
  /** Who answers this leader, itself included: also who is no member of the state any more, whom no heart hears. */
  readonly heard: ReadonlySet<MemberId>;
}

/** `alive`: whom this node's heart hears, itself included. */
export function nextMemberChange(
  state: ClusterState,
  logMembers: Members,
  alive: ReadonlySet<string>,
  seen: Partial<Seen> = {},
): NextChange | undefined {
  const wanted = votersOf(state).map(({ id }) => id);
  const isHeard = (id: MemberId): boolean => alive.has(nodeOfMember(id));
  const tie = logMembers.find(({ id }) => isTie(id));
  const surplus = logMembers.filter(({ id }) => !wanted.includes(id) && !isTie(id));
  const leaving = nextLeaving(surplus, logMembers, alive, seen);
  if (leaving !== undefined) return leaving;
  if (wanted.some((id) => seen.barred?.has(id) === true)) return undefined;
  if (surplus.length > 0) return comingBefore(surplus, logMembers, wanted, seen);
  const successor = logMembers.find(({ role }) => role === 'successor');
  if (tie && successor) return { kind: 'remove', id: isHeard(successor.id) ? tie.id : successor.id };
  const voting = logMembers.filter(({ id, role }) => role === 'voter' && !isTie(id)).map(({ id }) => id);
  const areHeard = voting.every(isHeard);
  // It was made for another pair.
  if (tie && voting.length < 2) return areHeard ? { kind: 'remove', id: tie.id } : undefined;
  const kind = wantedTie(state, voting, alive);
  if (tie && tieKindOf(tie.id) !== kind) return areHeard ? { kind: 'remove', id: tie.id } : undefined;
  const listening = logMembers.filter(({ id, role }) => role === 'learner' && !isTie(id));
  const ready = listening.find(({ id }) => isHeard(id));
  if (ready !== undefined) return comingOf(ready.id, voting, tie, state.level, areHeard);
  const mayListen = kind !== 'solo' || voting.length < 2;
  const missing = wanted.find((id) => !logMembers.some((member) => member.id === id));
  if (missing !== undefined && mayListen) return { kind: 'add-learner', id: missing };
  if (kind === undefined || voting.length < 2 || !areHeard) return undefined;
  const [silent] = listening;
  if (silent !== undefined && !mayListen) return { kind: 'remove', id: silent.id };
  return nextTieChange(state, voting, kind, tie);
}

/** The first whose leaving is a step further, this leader last. */
function nextLeaving(
  surplus: readonly Member[],
  logMembers: Members,
  alive: ReadonlySet<string>,
  seen: Partial<Seen>,
): NextChange | undefined {
  const others = surplus.filter(({ id }) => id !== seen.self);
  for (const member of [...others, ...surplus.filter(({ id }) => id === seen.self)]) {
    const change = leavingOf(member, logMembers, alive, seen);
    if (change === undefined || !canDecideAfter(change, logMembers, seen)) continue;
    return change.id === seen.self ? { kind: 'hand-over', to: heirsOf(logMembers, others, seen) } : change;
  }
  return undefined;
}

/** The last that votes is to leave, and nobody who stays votes yet: one of them has to, first. Whether it is there the log tells: no heart speaks to who is to leave. */
function comingBefore(
  surplus: readonly Member[],
  logMembers: Members,
  wanted: readonly MemberId[],
  { heard = new Set() }: Partial<Seen>,
): NextChange | undefined {
  const tie = logMembers.find(({ id }) => isTie(id));
  const [last, another] = logMembers.filter(({ id, role }) => role === 'voter' && !isTie(id));
  if (last === undefined || another !== undefined || !surplus.includes(last)) return undefined;
  if (tie) return { kind: 'remove', id: tie.id };
  const ready = wanted.find((id) => heard.has(id) && logMembers.some((member) => member.id === id));
  if (ready !== undefined) return { kind: 'promote', id: ready };
  const missing = wanted.find((id) => !logMembers.some((member) => member.id === id));
  return missing === undefined ? undefined : { kind: 'add-learner', id: missing };
}

/** Who stays comes before who is to leave, too. */
function heirsOf(
  logMembers: Members,
  leaving: readonly Member[],
  { heard = new Set(), self }: Partial<Seen>,
): readonly MemberId[] {
  const able = logMembers
    .filter(({ id, role }) => role === 'voter' && id !== self && !isTie(id) && heard.has(id))
    .map(({ id }) => id);
  const stays = (id: MemberId): boolean => !leaving.some((member) => member.id === id);
  return [...able.filter(stays), ...able.filter((id) => !stays(id))];
}

/** What is begun when those who stay are too few is never over, unless the others come back. Who is leaving counts until then. */
function canDecideAfter(
  change: MemberChange,
  logMembers: Members,
  { heard = new Set(), isSilent = false }: Partial<Seen>,
): boolean {
  const after = changeMembers(logMembers, change);
  if (after instanceof EterneError) return false;
  if (!electorsOf(logMembers).includes(change.id)) return true;
  // A tie-breaker votes, and never leads.
  const canLead = after.some(({ id, role }) => role === 'voter' && heard.has(id) && !isTie(id));
  return canLead && isQuorum(after, (id) => (isTie(id) ? !isSilent : heard.has(id)));
}

/**
 * One of a pair that leaves leaves two voters, the other node and the tie-breaker. A disk answers, unless it is lost; one that needs a proof, or silence, answers whoever holds it, and nobody else ever: it goes first then, while two
 * nodes are still there to decide. Who holds it and leaves waits for the other: neither could decide after it, for it gives it up when it hears the other. A successor that is silent goes before.
 */
function leavingOf(
  { id, role }: Member,
  logMembers: Members,
  alive: ReadonlySet<string>,
  { silenced, isSilent = false }: Partial<Seen>,
): MemberChange | undefined {
  const tie = logMembers.find((member) => isTie(member.id));
  const successor = logMembers.find((member) => member.role === 'successor');
  if (successor && successor.id !== id && !alive.has(nodeOfMember(successor.id)))
    return { kind: 'remove', id: successor.id };
  const nodes = logMembers.filter((member) => member.role === 'voter' && !isTie(member.id));
  const isOfPair = role === 'voter' && tie?.role === 'voter' && nodes.length === 2;
  const answers = isOfPair && tieKindOf(tie.id) === 'disk' && !isSilent;
  if (!isOfPair || answers || id === silenced) return { kind: 'remove', id };
  return silenced === undefined ? { kind: 'remove', id: tie.id } : undefined;
}

/** A learner whose node is heard. Programs that know no successors see the tie-breaker go first. */
function comingOf(
  id: MemberId,
  voting: readonly MemberId[],
  tie: Member | undefined,
  level: number,
  areHeard: boolean,
): NextChange | undefined {
  if (tie?.role !== 'voter' || voting.length < 2) return { kind: 'promote', id };
  if (level >= SUCCESSOR_LEVEL) return { kind: 'succeed', id };
  return areHeard ? { kind: 'remove', id: tie.id } : undefined;
}

/** One is wanted, two nodes are voters and heard. */
function nextTieChange(
  { config }: ClusterState,
  voting: readonly MemberId[],
  kind: TieKind,
  tie: Member | undefined,
): NextChange | undefined {
  if (tie?.role === 'voter') return undefined;
  if (tie !== undefined) return { kind: 'promote', id: tie.id };
  if (kind !== 'disk' || config.tieBreaker.kind !== 'disk')
    return { kind: kind === 'solo' ? 'make-solo-tie' : 'make-proof-tie' };
  const [first = '', second = ''] = voting.map(nodeOfMember);
  return { kind: 'make-tie', device: config.tieBreaker.device, owners: [first, second] };
}

/** Of two members, or of the two that vote while others are still to come. */
function wantedTie(
  { config, members }: ClusterState,
  voting: readonly MemberId[],
  alive: ReadonlySet<string>,
): TieKind | undefined {
  const names = Object.keys(members);
  const isPair = names.length === 2 || (names.length > 2 && voting.length === 2);
  if (!isPair || config.tieBreaker.kind === 'witness') return undefined;
  if (config.tieBreaker.kind === 'disk') return 'disk';
  const pair = names.length === 2 ? names : voting.map(nodeOfMember);
  // A witness carries nothing that it could go on with.
  const isSolo = prefersAvailability(config) && pair.every((name) => members[name]?.role === 'node');
  if (!isSolo) return 'proof';
  return names.some((name) => !pair.includes(name) && alive.has(name)) ? undefined : 'solo';
}

export interface VotersLog {
  /** This node in the log. */
  readonly self: MemberId;
  leadership(): { readonly isLeader: boolean };
  members(): Members;
  /** Who answers this leader, itself included. */
  heard(): ReadonlySet<MemberId>;
  readBarrier(done: (error: EterneError | undefined) => void): void;
  changeMember(change: MemberChange, done: (error: EterneError | undefined) => void): void;
  /** Returns at once: why it was not even begun. */
  transferLeadership(to: MemberId): EterneError | undefined;
}

/** Writes a new tie-breaker to its disk and calls back with its id. */
export type MakeTie = (
  device: string,
  owners: readonly [string, string],
  done: (result: MemberId | EterneError) => void,
) => void;

export interface NewTies {
  readonly onDisk: MakeTie;
  /** An id; there is nothing else to it. */
  readonly proof: () => MemberId;
  readonly solo: () => MemberId;
}

export interface Observation extends SeenTie {
  readonly state: ClusterState;
  readonly alive: ReadonlySet<string> | undefined;
}

export class VoterKeeper {
  readonly #log: VotersLog;
  readonly #observe: () => Observation;
  readonly #makeTie: MakeTie;
  readonly #ties: NewTies;
  readonly #timers: Timers;
  readonly #timer: Timer;
  readonly #handOverPace = new HandOverPace();
  #busy = false;
  #isWritingTie = false;
  /** Who was last to take over. */
  #heir: MemberId | undefined;

  constructor(timers: Timers, log: VotersLog, observe: () => Observation, ties: NewTies) {
    this.#timers = timers;
    this.#makeTie = ties.onDisk;
    this.#ties = ties;
    this.#log = log;
    this.#observe = observe;
    this.#timer = timers.every(LOOK_INTERVAL_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  /** Acts only on a state that holds everything committed: by an older one a newcomer would look like a stranger. */
  #look(): void {
    if (this.#busy) return;
    if (!this.#log.leadership().isLeader) this.#handOverPace.reset();
    if (this.#nextChange() === undefined) return;
    this.#busy = true;
    this.#log.readBarrier((error) => {
      const change = error ? undefined : this.#nextChange();
      if (change === undefined) this.#busy = false;
      else this.#begin(change);
    });
  }

  #begin(change: NextChange): void {
    if (change.kind === 'make-proof-tie') return this.#begin({ kind: 'add-learner', id: this.#ties.proof() });
    if (change.kind === 'make-solo-tie') return this.#begin({ kind: 'add-learner', id: this.#ties.solo() });
    if (change.kind === 'hand-over') return this.#handOver(change.to);
    if (change.kind === 'make-tie') return this.#writeTie(change.device, change.owners);
    return this.#log.changeMember(change, () => (this.#busy = false));
  }

  /** A disk may take for ever, and holds up nothing but its own tie-breaker. */
  #writeTie(device: string, owners: readonly [string, string]): void {
    this.#busy = false;
    this.#isWritingTie = true;
    const isOver = (): void => void (this.#isWritingTie = false);
    this.#makeTie(device, owners, (id) => {
      if (id instanceof EterneError) return void this.#timers.after(TIE_RETRY_MS, isOver);
      isOver();
      const next = this.#change();
      const isWanted = next?.kind === 'make-tie' && next.device === device && !this.#busy;
      if (!isWanted || next.owners.join() !== owners.join()) return undefined;
      this.#busy = true;
      return this.#begin({ kind: 'add-learner', id });
    });
  }

  /** Each begins with a pause for what runs. Who still leads after a while tries another one, and each time later. */
  #handOver(heirs: readonly MemberId[]): void {
    const others = heirs.filter((id) => id !== this.#heir);
    const heir = [...others, ...heirs].find((id) => this.#log.transferLeadership(id) === undefined);
    if (heir === undefined) {
      this.#busy = false;
      return;
    }
    this.#heir = heir;
    this.#timers.after(this.#handOverPace.begun(), () => (this.#busy = false));
  }

  /** While a disk is written nothing else is written there. */
  #nextChange(): NextChange | undefined {
    const change = this.#change();
    return change?.kind === 'make-tie' && this.#isWritingTie ? undefined : change;
  }

  #change(): NextChange | undefined {
    const { state, alive, ...seen } = this.#observe();
    // A state without members is one that has not been founded yet, not one that wants everybody out.
    const isFounded = Object.keys(state.members).length > 0;
    if (!isFounded || alive === undefined || !this.#log.leadership().isLeader) return undefined;
    return nextMemberChange(state, this.#log.members(), alive, {
      ...seen,
      self: this.#log.self,
      heard: this.#log.heard(),
    });
  }
}
