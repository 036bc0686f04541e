/**
 * Leads from where nothing runs. When a node that owns groups is lost while it leads, the others have to elect before they can
 * wait out its leases; that is half a second of outage more than when the leader is somebody else. So a settled leader hands
 * over to a witness, which never owns anything, or from a node that owns groups to one that does not. The hand-over waits out
 * its own authority (raft/transfer.ts); one that comes to nothing is tried again ever later.
 */
import type { EterneError } from '@eterne/base';
import type { Timer, Timers } from '@eterne/runtime';
import { HandOverPace } from '../../raft/hand-over-pace.ts';
import type { Members } from '../../raft/members.ts';
import { isVoter } from '../../raft/members.ts';
import { memberIdOf } from '../../raft/types.ts';
import type { Member } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import type { View } from '../view.ts';

const LOOK_INTERVAL_MS = 250;
/** This long everything has to stand still before a hand-over that costs running groups a pause of I/O. */
const SETTLED_MS = 500;

export interface StewardLog {
  members(): Members;
  /** Returns at once: why it was not even begun. */
  transferLeadership(to: string): EterneError | undefined;
}

/** The voter that should lead instead of this leader; undefined: nobody better. */
export function betterLeader(view: View, voters: Members): Member | undefined {
  const { state, self, alive } = view;
  const groups = sortedValues(state.groups);
  const owns = (name: string): boolean => groups.some(({ owner }) => owner === name);
  const moving = groups.some(({ phase }) => phase === 'starting' || phase === 'stopping');
  if (!view.leadership.isLeader || state.members[self]?.role === 'witness' || moving) return undefined;
  const idle = sortedValues(state.members).filter(
    ({ name, voterId }) =>
      name !== self &&
      alive?.has(name) &&
      !owns(name) &&
      isVoter(voters, memberIdOf(name, voterId)) &&
      view.paths.some(
        ({ peer, kind, up, latencyMs }) =>
          peer === name && kind === 'udp' && up && (latencyMs ?? 0) <= view.timing.nearMs,
      ),
  );
  return idle.find(({ role }) => role === 'witness') ?? (owns(self) ? idle[0] : undefined);
}

export class Steward {
  readonly #log: StewardLog;
  readonly #view: () => View;
  readonly #timer: Timer;
  readonly #pace = new HandOverPace();
  /** None is begun before. */
  #notBeforeBootMs = Number.NEGATIVE_INFINITY;
  #wanted: { readonly name: string; readonly sinceBootMs: number } | undefined;

  constructor(timers: Timers, log: StewardLog, view: () => View) {
    this.#log = log;
    this.#view = view;
    this.#timer = timers.every(LOOK_INTERVAL_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const view = this.#view();
    const { bootMs: nowMs } = view.now;
    const isWaiting = nowMs < this.#notBeforeBootMs;
    if (!view.leadership.isLeader && !isWaiting) this.#pace.reset();
    const better = betterLeader(view, this.#log.members());
    if (better?.name !== this.#wanted?.name)
      this.#wanted = better && { name: better.name, sinceBootMs: nowMs };
    if (!better || !this.#wanted || isWaiting) return;
    const running = Object.values(view.state.groups).some(({ owner }) => owner !== null);
    if (running && nowMs - this.#wanted.sinceBootMs < SETTLED_MS) return;
    this.#wanted = undefined;
    const refused = this.#log.transferLeadership(memberIdOf(better.name, better.voterId));
    if (refused === undefined) this.#notBeforeBootMs = nowMs + this.#pace.begun();
  }
}
