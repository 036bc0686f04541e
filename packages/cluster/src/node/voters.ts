/**
 * Keeps the log's members what the state says they are. Only the leader acts; one change at a time, the next when the last is committed.
 *
 *   in the state, not in the log        → add as learner
 *   a learner whose node is heard       → promote to voter, once it has caught up
 *   in the log, not in the state        → remove (also the former life of a node that came back without its log)
 *
 * A newcomer that is not heard stays a learner: as a voter it would only make majorities harder to reach.
 */
import type { EterneError } from '@eterne/base';
import type { Timer, Timers } from '@eterne/runtime';
import type { MemberChange, Members } from '../raft/members.ts';
import { memberIdOf, nodeOfMember } from '../raft/types.ts';
import { sortedValues, type ClusterState } from '../state/model.ts';

const LOOK_INTERVAL_MS = 200;

export function nextMemberChange(
  state: ClusterState,
  logMembers: Members,
  alive: ReadonlySet<string>,
): MemberChange | undefined {
  const wanted = sortedValues(state.members).map(({ name, voterId }) => memberIdOf(name, voterId));
  const missing = wanted.find((id) => !logMembers.some((member) => member.id === id));
  const ready = logMembers.find(
    ({ id, role }) => role === 'learner' && wanted.includes(id) && alive.has(nodeOfMember(id)),
  );
  const surplus = logMembers.find(({ id }) => !wanted.includes(id));
  if (surplus !== undefined) return { kind: 'remove', id: surplus.id };
  if (ready !== undefined) return { kind: 'promote', id: ready.id };
  return missing === undefined ? undefined : { kind: 'add-learner', id: missing };
}

export interface VotersLog {
  leadership(): { readonly isLeader: boolean };
  members(): Members;
  readBarrier(done: (error: EterneError | undefined) => void): void;
  changeMember(change: MemberChange, done: (error: EterneError | undefined) => void): void;
}

export interface Observation {
  readonly state: ClusterState;
  readonly alive: ReadonlySet<string> | undefined;
}

export class VoterKeeper {
  readonly #log: VotersLog;
  readonly #observe: () => Observation;
  readonly #timer: Timer;
  #busy = false;

  constructor(timers: Timers, log: VotersLog, observe: () => Observation) {
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
      else this.#log.changeMember(change, () => (this.#busy = false));
    });
  }

  #change(): MemberChange | undefined {
    const { state, alive } = this.#observe();
    // A state without members is one that has not been founded yet, not one that wants everybody out.
    const isFounded = Object.keys(state.members).length > 0;
    if (!isFounded || alive === undefined || !this.#log.leadership().isLeader) return undefined;
    return nextMemberChange(state, this.#log.members(), alive);
  }
}
