/**
 * Heartbeat rounds of one leadership: when each was sent, and the newest that each member has answered.
 * A voter that answered round r heard this leader after r was sent, and votes for nobody else until the minimum election
 * timeout after it heard it. So from the newest round that a majority has answered follows until when no other leader can be.
 */
import type { Members } from './members.ts';
import { quorumValue } from './members.ts';
import type { MemberId } from './types.ts';

/** Answers to rounds older than this many are worth nothing. */
const ROUNDS_KEPT = 64;

interface Answer {
  readonly round: number;
  readonly sentMs: number;
}

export class Rounds {
  readonly #self: MemberId;
  readonly #sentMs = new Map<number, number>();
  readonly #answers = new Map<MemberId, Answer>();
  #newest = 0;

  constructor(self: MemberId) {
    this.#self = self;
  }

  /** The number of a new round, whose messages must leave after `nowMs`. The leader hears itself. */
  begin(nowMs: number): number {
    this.#newest += 1;
    this.#sentMs.set(this.#newest, nowMs);
    this.#sentMs.delete(this.#newest - ROUNDS_KEPT);
    this.answered(this.#self, this.#newest);
    return this.#newest;
  }

  answered(member: MemberId, round: number): void {
    const sentMs = this.#sentMs.get(round);
    if (sentMs === undefined || round <= (this.#answers.get(member)?.round ?? 0)) return;
    this.#answers.set(member, { round, sentMs });
  }

  get newest(): number {
    return this.#newest;
  }

  /** The newest round that a majority of the voters has answered; −Infinity before the first. */
  quorumRound(members: Members): number {
    return quorumValue(members, (id) => this.#answers.get(id)?.round ?? Number.NEGATIVE_INFINITY);
  }

  /** When that round was sent. */
  quorumSentMs(members: Members): number {
    return quorumValue(members, (id) => this.#answers.get(id)?.sentMs ?? Number.NEGATIVE_INFINITY);
  }
}
