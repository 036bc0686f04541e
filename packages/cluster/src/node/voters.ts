/**
 * Keeps the log's members what the state says they are. Only the leader acts; one change at a time, the next when the last is committed.
 *
 *   in the state, not in the log        → add as learner
 *   a learner whose node is heard       → promote to voter, once it has caught up
 *   in the log, not in the state        → remove (also the former life of a node that came back without its log)
 *
 * A tie-breaker (raft/tie/) is a member of the log and of no state: a pair that awaits no witness has one, of the kind that its configuration says.
 * It comes and goes only while both nodes are voters and heard, so that its coming and going needs no tie broken; and it goes before a third
 * voter comes.
 *
 * A newcomer that is not heard stays a learner: as a voter it would only make majorities harder to reach.
 */
import { EterneError } from '@eterne/base';
import type { Timer, Timers } from '@eterne/runtime';
import type { MemberChange, Members } from '../raft/members.ts';
import { isTie, tieKindOf, type TieKind } from '../raft/tie/tie-id.ts';
import { memberIdOf, nodeOfMember, type MemberId } from '../raft/types.ts';
import { prefersAvailability, sortedValues, type ClusterState } from '../state/model.ts';

const LOOK_INTERVAL_MS = 200;
/** A disk that could not be written is tried again after this. */
const TIE_RETRY_MS = 5000;

/** Beside Raft's own changes: a tie-breaker is written to its disk before it becomes a learner. */
export type NextChange =
  | MemberChange
  | { readonly kind: 'make-tie'; readonly device: string; readonly owners: readonly [string, string] }
  | { readonly kind: 'make-proof-tie' }
  | { readonly kind: 'make-solo-tie' };

/** Every node and witness of the state. */
export function votersOf({ members }: Pick<ClusterState, 'members'>): Members {
  return sortedValues(members).map(({ name, voterId }) => ({ id: memberIdOf(name, voterId), role: 'voter' }));
}

export function nextMemberChange(
  state: ClusterState,
  logMembers: Members,
  alive: ReadonlySet<string>,
): NextChange | undefined {
  const wanted = votersOf(state).map(({ id }) => id);
  const missing = wanted.find((id) => !logMembers.some((member) => member.id === id));
  const ready = logMembers.find(
    ({ id, role }) => role === 'learner' && wanted.includes(id) && alive.has(nodeOfMember(id)),
  );
  const surplus = logMembers.find(({ id }) => !wanted.includes(id) && !isTie(id));
  const tie = logMembers.find(({ id }) => isTie(id));
  if (surplus !== undefined) return { kind: 'remove', id: surplus.id };
  const kind = wantedTie(state);
  if (tie !== undefined && tieKindOf(tie.id) !== kind)
    return allVote(logMembers, alive) ? { kind: 'remove', id: tie.id } : undefined;
  if (ready !== undefined) return { kind: 'promote', id: ready.id };
  if (missing !== undefined) return { kind: 'add-learner', id: missing };
  return kind !== undefined && allVote(logMembers, alive) ? nextTieChange(state, tie) : undefined;
}

/** One is wanted, both nodes are voters and heard. */
function nextTieChange(
  { config, members }: ClusterState,
  tie: Members[number] | undefined,
): NextChange | undefined {
  if (tie?.role === 'voter') return undefined;
  if (tie !== undefined) return { kind: 'promote', id: tie.id };
  const [first, second] = sortedValues(members);
  if (first === undefined || second === undefined) return undefined;
  if (config.tieBreaker.kind !== 'disk')
    return { kind: isSoloPair({ config, members }) ? 'make-solo-tie' : 'make-proof-tie' };
  return { kind: 'make-tie', device: config.tieBreaker.device, owners: [first.name, second.name] };
}

function wantedTie({ config, members }: ClusterState): TieKind | undefined {
  if (Object.keys(members).length !== 2 || config.tieBreaker.kind === 'witness') return undefined;
  if (config.tieBreaker.kind === 'disk') return 'disk';
  return isSoloPair({ config, members }) ? 'solo' : 'proof';
}

/** A witness carries nothing that it could go on with. */
function isSoloPair({ config, members }: Pick<ClusterState, 'config' | 'members'>): boolean {
  return prefersAvailability(config) && Object.values(members).every(({ role }) => role === 'node');
}

/** Every node in the log is a voter and heard. */
function allVote(logMembers: Members, alive: ReadonlySet<string>): boolean {
  const nodes = logMembers.filter(({ id }) => !isTie(id));
  return nodes.every(({ id, role }) => role === 'voter' && alive.has(nodeOfMember(id)));
}

export interface VotersLog {
  leadership(): { readonly isLeader: boolean };
  members(): Members;
  readBarrier(done: (error: EterneError | undefined) => void): void;
  changeMember(change: MemberChange, done: (error: EterneError | undefined) => void): void;
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

export interface Observation {
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
  #busy = false;

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
    if (this.#busy || this.#change() === undefined) return;
    this.#busy = true;
    this.#log.readBarrier((error) => {
      const change = error ? undefined : this.#change();
      if (change === undefined) this.#busy = false;
      else this.#begin(change);
    });
  }

  #begin(change: NextChange): void {
    if (change.kind === 'make-proof-tie') return this.#begin({ kind: 'add-learner', id: this.#ties.proof() });
    if (change.kind === 'make-solo-tie') return this.#begin({ kind: 'add-learner', id: this.#ties.solo() });
    if (change.kind !== 'make-tie') return this.#log.changeMember(change, () => (this.#busy = false));
    return this.#makeTie(change.device, change.owners, (id) => {
      if (id instanceof EterneError) this.#timers.after(TIE_RETRY_MS, () => (this.#busy = false));
      else this.#begin({ kind: 'add-learner', id });
    });
  }

  #change(): NextChange | undefined {
    const { state, alive } = this.#observe();
    // A state without members is one that has not been founded yet, not one that wants everybody out.
    const isFounded = Object.keys(state.members).length > 0;
    if (!isFounded || alive === undefined || !this.#log.leadership().isLeader) return undefined;
    return nextMemberChange(state, this.#log.members(), alive);
  }
}
