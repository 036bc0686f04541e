/**
 * The state of one Raft node, and what all its parts share. The parts (election, replication, heartbeats, snapshots, reads,
 * transfer) are functions over this state; `node.ts` is the door.
 *
 * ```
 *             silence                 a majority would vote        a majority voted
 *  follower ──────────▶ pre-candidate ─────────────────▶ candidate ───────────────▶ leader
 *     ▲  ◀── leader heard, or higher term ──┴──────────────────┴───── higher term,     │
 *     │         (timeout-now: follower ───────────────▶ candidate)    quorum silent,   │
 *     └────────────────────────────────────────────────────────────  handed over  ─────┘
 * ```
 */
import type { Rounds } from './rounds.ts';
import type { RaftLog } from './log.ts';
import type { Message, MessageBody } from './messages/message.ts';
import type { Progress } from './progress.ts';
import type { Entry, HardState, LogIndex, MemberId, RaftTerm, RaftTiming, Snapshot } from './types.ts';
import { isVoter, votersOf } from './members.ts';

export interface RaftConfig {
  readonly id: MemberId;
  /** The timing to begin with; it may change at any moment (`retime`). */
  readonly timing: RaftTiming;
  /** A whole number in [0, bound). */
  readonly randomBelow: (bound: number) => number;
}

/** From so many members on they do not all hear and say everything at once: rounds of heartbeats, elections. */
export const MANY_MEMBERS_MIN = 9;

/** Between two of many voters that stand, on average. */
const TURN_HEARTBEATS = 0.3;
/** What one of many that may win is given for it. */
const GIVE_WAY_HEARTBEATS = 3;
const RETRY_TURN_HEARTBEATS = 0.2;

/** Handing over (thesis §3.10). Authority is frozen from the start, and timeout-now goes out only when it has run out. */
export interface Transfer {
  readonly to: MemberId;
  readonly authorityUntilMs: number;
  /** When it is told to stand, if it is ready: authority has run out, and it has had the time to confirm. */
  readonly dueMs: number;
  /** When the successor was told. */
  sentMs: number | undefined;
}

export interface PendingRead {
  readonly from: MemberId;
  readonly context: number;
  readonly index: LogIndex;
  /** The round that confirms it. */
  readonly round: number;
}

export interface Leader {
  readonly kind: 'leader';
  readonly progress: Map<MemberId, Progress>;
  readonly rounds: Rounds;
  nextHeartbeatMs: number;
  /** The latest moment until which this leadership has known itself to be the only one. */
  aloneUntilMs: number;
  /** A read waits: begin a round before the next output leaves. */
  roundWanted: boolean;
  reads: PendingRead[];
  transfer: Transfer | undefined;
  uncommittedBytes: number;
}

export interface Candidate {
  readonly kind: 'candidate';
  readonly votes: Map<MemberId, boolean>;
  /** Its predecessor has told it to stand. */
  readonly transfer: boolean;
}

export type Role =
  | { readonly kind: 'follower'; readonly leader: MemberId | undefined }
  | { readonly kind: 'pre-candidate'; readonly votes: Map<MemberId, boolean> }
  | Candidate
  | Leader;

/** A snapshot on its way in. */
export interface IncomingSnapshot {
  readonly from: MemberId;
  readonly index: LogIndex;
  readonly term: RaftTerm;
  readonly chunks: Buffer[];
  receivedBytes: number;
}

export interface ReadResult {
  readonly context: number;
  readonly index: LogIndex;
}

export class RaftCore {
  readonly config: RaftConfig;
  readonly log: RaftLog;
  term: RaftTerm;
  vote: MemberId | undefined;
  role: Role = { kind: 'follower', leader: undefined };
  timing: RaftTiming;
  /** The longest hold that is promised and not over: what belongs on disk. */
  holdMs: number;
  /** What is certainly there, now and after whatever is being written. */
  durableHoldMs: number;
  /** The newest hold that was asked for. */
  #askedMs: number;
  /** When the longest promise of `holdMs` ends, and a shorter hold may take its place on disk. */
  #holdEndsMs: number;
  /** No vote for anyone before this (thesis §4.2.3). */
  stickyUntilMs: number;
  electionDeadlineMs: number;
  /** Since it last stood or heard a leader. */
  #hasGivenWay = false;
  incoming: IncomingSnapshot | undefined;

  /** Output that depends on nothing unwritten. */
  readonly urgent: Message[] = [];
  /** Output that leaves only after everything that precedes it is on disk. */
  readonly afterPersist: Message[] = [];
  readonly readResults: ReadResult[] = [];
  /** Installed, and not yet given to the caller to write / to apply. */
  snapshotToPersist: Snapshot | undefined;
  snapshotToApply: Snapshot | undefined;

  constructor(config: RaftConfig, log: RaftLog, hard: HardState, nowMs: number) {
    this.config = config;
    this.log = log;
    this.term = hard.term;
    this.vote = hard.vote;
    this.timing = config.timing;
    this.holdMs = hard.holdMs;
    this.durableHoldMs = hard.holdMs;
    this.#askedMs = hard.holdMs;
    this.#holdEndsMs = nowMs + hard.holdMs;
    this.stickyUntilMs = this.#holdEndsMs;
    this.electionDeadlineMs = nowMs;
    this.waitForElection(nowMs);
  }

  get id(): MemberId {
    return this.config.id;
  }

  get isVoter(): boolean {
    return isVoter(this.log.members, this.id);
  }

  /** Whoever is being removed stands until that is committed: he may be the only one who has what was committed before (thesis §4.2.2). */
  get mayStand(): boolean {
    return this.isVoter || isVoter(this.log.committedMembers, this.id);
  }

  get leaderId(): MemberId | undefined {
    if (this.role.kind === 'leader') return this.id;
    return this.role.kind === 'follower' ? this.role.leader : undefined;
  }

  /** May not vote yet: a leader lives that may have granted rights, or we may have forgotten one in a restart. */
  isSticky(nowMs: number): boolean {
    return nowMs < this.stickyUntilMs;
  }

  /** The leader of this term has been heard. */
  heard(leader: MemberId, nowMs: number): void {
    if (this.role.kind !== 'follower' || this.role.leader !== leader)
      this.role = { kind: 'follower', leader };
    this.stick(nowMs);
    this.waitForElection(nowMs);
  }

  /** Votes for nobody for as long as it was last asked to. */
  stick(nowMs: number): void {
    this.stickyUntilMs = Math.max(this.stickyUntilMs, nowMs + this.#askedMs);
  }

  /**
   * Votes for nobody for `holdMs` from now. The answer that says so may leave when `durableHoldMs` is no less: what is on disk is kept after a restart, from the
   * restart on. A shorter hold takes its place there only when every longer promise is over.
   */
  promise(holdMs: number, nowMs: number): void {
    this.#askedMs = holdMs;
    this.stickyUntilMs = Math.max(this.stickyUntilMs, nowMs + holdMs);
    if (holdMs < this.holdMs && nowMs < this.#holdEndsMs) return;
    this.#holdEndsMs = Math.max(this.#holdEndsMs, nowMs + holdMs);
    this.holdMs = holdMs;
    this.durableHoldMs = Math.min(this.durableHoldMs, holdMs);
  }

  becomeFollower(term: RaftTerm, nowMs: number): void {
    if (term > this.term) {
      this.term = term;
      this.vote = undefined;
    }
    if (this.role.kind === 'leader') this.waitForElection(nowMs);
    this.role = { kind: 'follower', leader: undefined };
    this.incoming = undefined;
  }

  /** What the election timeout is drawn from, beyond the time in which nobody votes. */
  get spreadMs(): number {
    return this.timing.electionMaxMs - this.timing.electionMinMs;
  }

  /** A whole, randomised election timeout: after a leader was heard. */
  waitForElection(nowMs: number): void {
    const leastMs = Math.max(this.timing.electionMinMs, this.holdMs);
    const spreadMs = Math.max(this.spreadMs, this.#turnsMs(TURN_HEARTBEATS));
    this.electionDeadlineMs = nowMs + leastMs + this.config.randomBelow(spreadMs + 1);
    this.#hasGivenWay = false;
  }

  /** A short one: an election without a winner is tried again soon, since nobody's rights depend on it. */
  waitForRetry(nowMs: number): void {
    const { heartbeatMs } = this.timing;
    const spreadMs = Math.max(2 * heartbeatMs, this.#turnsMs(RETRY_TURN_HEARTBEATS));
    this.electionDeadlineMs = nowMs + heartbeatMs + this.config.randomBelow(spreadMs);
    this.#hasGivenWay = false;
  }

  /**
   * Another of many is about to stand and would have this vote: it gets time to win before this one stands too. Once only: who is heard and does not hear
   * would otherwise keep all others from it for ever.
   */
  giveWay(nowMs: number): void {
    if (!this.isOfMany || this.#hasGivenWay) return;
    this.#hasGivenWay = true;
    const untilMs = nowMs + GIVE_WAY_HEARTBEATS * this.timing.heartbeatMs;
    this.electionDeadlineMs = Math.max(this.electionDeadlineMs, untilMs);
  }

  get isOfMany(): boolean {
    return this.log.members.length >= MANY_MEMBERS_MIN;
  }

  /**
   * Of many voters the first stands about as early as of few, however wide they are spread. Close together they would all stand before they hear of each
   * other, again and again; and what all ask all costs more than all else.
   */
  #turnsMs(heartbeatsEach: number): number {
    return Math.floor(votersOf(this.log.members).length * heartbeatsEach * this.timing.heartbeatMs);
  }

  /** For messages that promise nothing which a crash could make us forget. */
  send(to: MemberId, body: MessageBody, term: RaftTerm = this.term): void {
    this.urgent.push({ from: this.id, to, term, body });
  }

  /** For promises: votes, and confirmations of what is in our log. */
  sendAfterPersist(to: MemberId, body: MessageBody): void {
    this.afterPersist.push({ from: this.id, to, term: this.term, body });
  }

  newEntry(kind: Entry['kind'], data: Buffer): Entry {
    return { index: this.log.lastIndex + 1, term: this.term, kind, data };
  }
}
