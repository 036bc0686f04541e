/**
 * Heartbeat rounds of one leadership: when each was sent, until when its answers let the leader lead alone, and what each member has answered.
 * A voter that answered a round heard this leader after it was sent, and votes for nobody else for the round's hold after it heard it. So
 * from what a majority has answered follows until when no other leader can be, also while rounds ask for holds of different lengths.
 */
import type { Members } from './members.ts';
import { quorumValue } from './members.ts';
import type { MemberId } from './types.ts';

/** Answers to rounds older than this many are worth nothing. */
const ROUNDS_KEPT = 64;

interface Round {
  readonly untilMs: number;
  readonly holdMs: number;
}

interface Answer {
  readonly round: number;
  /** The latest of all rounds that it has answered: a promise is not taken back by a shorter one. */
  readonly untilMs: number;
  readonly holdMs: number;
}

export class Rounds {
  readonly #self: MemberId;
  readonly #rounds = new Map<number, Round>();
  readonly #answers = new Map<MemberId, Answer>();
  #newest = 0;

  constructor(self: MemberId) {
    this.#self = self;
  }

  /**
   * The number of a new round, whose messages leave after now: who answers it votes for nobody for `holdMs`, which is until after `untilMs` by our clock.
   * The leader hears itself.
   */
  begin(untilMs: number, holdMs: number): number {
    this.#newest += 1;
    this.#rounds.set(this.#newest, { untilMs, holdMs });
    this.#rounds.delete(this.#newest - ROUNDS_KEPT);
    this.answered(this.#self, this.#newest);
    return this.#newest;
  }

  answered(member: MemberId, number: number): void {
    const round = this.#rounds.get(number);
    const before = this.#answers.get(member);
    if (round === undefined || number <= (before?.round ?? 0)) return;
    const untilMs = Math.max(round.untilMs, before?.untilMs ?? Number.NEGATIVE_INFINITY);
    this.#answers.set(member, { round: number, untilMs, holdMs: round.holdMs });
  }

  get newest(): number {
    return this.#newest;
  }

  /** Whether `member` has answered this round, or a later one. */
  hasAnswered(member: MemberId, number: number): boolean {
    return (this.#answers.get(member)?.round ?? 0) >= number;
  }

  /** The newest round that a majority of the voters has answered; −Infinity before the first. */
  quorumRound(members: Members): number {
    return quorumValue(members, (id) => this.#answers.get(id)?.round ?? Number.NEGATIVE_INFINITY);
  }

  /** Until when a majority of the voters votes for nobody else, as far as it is known; −Infinity before the first answers. */
  quorumUntilMs(members: Members): number {
    return quorumValue(members, (id) => this.#answers.get(id)?.untilMs ?? Number.NEGATIVE_INFINITY);
  }

  /** The hold that a majority has last given; undefined before the first answers. */
  quorumHoldMs(members: Members): number | undefined {
    const holdMs = quorumValue(members, (id) => this.#answers.get(id)?.holdMs ?? 0);
    return holdMs > 0 ? holdMs : undefined;
  }
}
