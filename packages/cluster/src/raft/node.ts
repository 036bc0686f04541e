/**
 * One Raft node as a pure state machine: messages and time go in, messages, writes and committed entries come out.
 *
 * The caller's duties, in the manner of etcd's Ready:
 * 1. After every call, take `takeOutput` and act on it at once: restore the snapshot if there is one, apply the entries in order, send the messages.
 * 2. When nothing is being written, take `ready`. Write its snapshot, hard state and entries as `write` says, before anything of 3.
 * 3. Then send its messages (votes and confirmations: they promise what was just written) and call `persisted`. One Ready at a time.
 * 4. Call `tick` no later than `deadlineMs`.
 * 5. If writing fails, `stepDown`, send nothing, and take no further part until the whole state is on disk again.
 */
import { assert, EterneError, unreachable } from '@eterne/base';
import type { Leader, RaftConfig, ReadResult } from './core.ts';
import { RaftCore } from './core.ts';
import {
  canElectWithoutUs,
  electionTimeout,
  isAble,
  standForElection,
  stepPreVote,
  stepPreVoteReply,
  stepVote,
  stepVoteReply,
  suspectLeader,
} from './election.ts';
import {
  authorityUntilMs,
  behindSinceMs,
  broadcastHeartbeat,
  hasLostQuorum,
  heardMembers,
  stepHeartbeat,
  stepHeartbeatReply,
} from './heartbeats.ts';
import type { RaftLog } from './log.ts';
import type { MemberChange, Members } from './members.ts';
import { changeMembers, electorsOf, encodeMembers, isMember, isQuorum, isVoter } from './members.ts';
import type { Message } from './messages/message.ts';
import { newProgress } from './progress.ts';
import { askRead, releaseReads } from './reads.ts';
import {
  advanceCommit,
  appendAsLeader,
  broadcastAppend,
  stepAppend,
  stepAppendReply,
  tellTie,
} from './replication.ts';
import { stepSnapshotChunk, stepSnapshotReply } from './snapshots.ts';
import { isTie } from './tie/tie-id.ts';
import { beginTransfer, continueTransfer, transferDueMs } from './transfer.ts';
import type { Entry, HardState, LogIndex, MemberId, RaftTerm, RaftTiming, Snapshot } from './types.ts';
import { ENTRY_MAX_BYTES, UNCOMMITTED_MAX_BYTES } from './types.ts';

/** What needs no write first. */
export interface Output {
  readonly messages: readonly Message[];
  /** Replaces the applied state, before `committed`. */
  readonly restore: Snapshot | undefined;
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadResult[];
}

export interface Ready {
  readonly hardState: HardState;
  /** Replaces everything written so far. */
  readonly snapshot: Snapshot | undefined;
  /** Replace whatever is written from the first one's index on. */
  readonly entries: readonly Entry[];
  /** `lazy`: only the commit index moved, and it may be lost; `none`: the messages waited only for earlier writes. */
  readonly write: 'sync' | 'lazy' | 'none';
  readonly messages: readonly Message[];
}

export interface RaftStatus {
  readonly id: MemberId;
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader';
  readonly leader: MemberId | undefined;
  readonly term: RaftTerm;
  readonly vote: MemberId | undefined;
  readonly lastIndex: LogIndex;
  readonly committed: LogIndex;
  readonly members: Members;
  /** The membership before, while that one is not known to be committed. */
  readonly membersBefore: Members | undefined;
  /** See `authorityUntilMs` in heartbeats.ts; −Infinity for all but a leader. */
  readonly authorityUntilMs: number;
  readonly snapshotIndex: LogIndex;
}

/** How far behind a learner may be to become a voter. */
const PROMOTE_MAX_LAG = 64;

export class RaftNode {
  readonly #core: RaftCore;
  #written: HardState;
  #inReady = false;

  /** `hard` and `log` as read from disk. `nowMs` is the node's start: it votes for nobody for a while. */
  constructor(config: RaftConfig, log: RaftLog, hard: HardState, nowMs: number) {
    this.#core = new RaftCore(config, log, hard, nowMs);
    this.#written = hard;
  }

  get log(): RaftLog {
    return this.#core.log;
  }

  /** When `tick` has something to do. */
  get deadlineMs(): number {
    const { role } = this.#core;
    if (role.kind !== 'leader') return this.#core.electionDeadlineMs;
    return Math.min(role.nextHeartbeatMs, transferDueMs(this.#core, role));
  }

  /** Another profile: what is asked of others, and promised, changes with the messages to come. */
  retime(timing: RaftTiming): void {
    this.#core.timing = timing;
  }

  tick(nowMs: number): void {
    const core = this.#core;
    const { role } = core;
    if (role.kind !== 'leader') {
      if (nowMs >= core.electionDeadlineMs) electionTimeout(core, nowMs);
      return;
    }
    if (hasLostQuorum(core, role, nowMs)) {
      core.becomeFollower(core.term, nowMs);
      return;
    }
    if (nowMs >= role.nextHeartbeatMs) this.#beginRound(role, nowMs);
    continueTransfer(core, role, nowMs);
  }

  #beginRound(leader: Leader, nowMs: number): void {
    broadcastHeartbeat(this.#core, leader, nowMs);
    releaseReads(this.#core, leader);
  }

  step(message: Message, nowMs: number): void {
    const core = this.#core;
    if (message.to !== core.id) return;
    const { body } = message;
    if (body.kind === 'pre-vote') return stepPreVote(core, message, body, nowMs);
    if (body.kind === 'pre-vote-reply' && body.granted) {
      if (message.term === core.term + 1) stepPreVoteReply(core, message, true, nowMs);
      return undefined;
    }
    if (body.kind === 'vote' && !body.transfer && core.isSticky(nowMs)) return undefined;
    if (message.term > core.term) core.becomeFollower(message.term, nowMs);
    if (message.term < core.term) return this.#answerOldTerm(message);
    this.#stepSameTerm(message, nowMs);
    return undefined;
  }

  /** `member` may have died (transport/port.ts, `onGone`). */
  suspect(member: MemberId): void {
    suspectLeader(this.#core, member);
  }

  /** A leader that a majority has left behind learns it from our term, or our silence would leave us outside for ever. */
  #answerOldTerm(message: Message): void {
    const core = this.#core;
    switch (message.body.kind) {
      case 'append':
      case 'heartbeat':
      case 'snapshot-chunk':
        core.sendAfterPersist(message.from, {
          kind: 'append-reply',
          ok: false,
          index: 0,
          hintIndex: 0,
          hintTerm: 0,
        });
        break;
      case 'vote':
        core.sendAfterPersist(message.from, { kind: 'vote-reply', granted: false });
        break;
      default:
    }
  }

  #stepSameTerm(message: Message, nowMs: number): void {
    const core = this.#core;
    const { body, from } = message;
    switch (body.kind) {
      case 'pre-vote-reply':
        return stepPreVoteReply(core, message, body.granted, nowMs);
      case 'vote':
        return stepVote(core, message, body, nowMs);
      case 'vote-reply':
        return stepVoteReply(core, message, body.granted, nowMs);
      case 'append':
        this.#heard(from, nowMs);
        return stepAppend(core, message, body);
      case 'heartbeat':
        this.#heard(from, nowMs);
        return stepHeartbeat(core, message, body, nowMs);
      case 'snapshot-chunk':
        this.#heard(from, nowMs);
        return stepSnapshotChunk(core, message, body);
      case 'timeout-now':
        if (core.leaderId === from && core.role.kind === 'follower' && core.isVoter)
          standForElection(core, true, nowMs);
        return undefined;
      case 'read-index-reply':
        core.readResults.push({ context: body.context, index: body.index });
        return undefined;
      case 'append-reply':
      case 'heartbeat-reply':
      case 'snapshot-reply':
      case 'read-index':
      case 'propose':
        return this.#stepAsLeader(message, nowMs);
      case 'pre-vote':
        return undefined;
      default:
        return unreachable(body);
    }
  }

  #heard(leader: MemberId, nowMs: number): void {
    assert(this.#core.role.kind !== 'leader', `two leaders in term ${this.#core.term}`);
    this.#core.heard(leader, nowMs);
  }

  #stepAsLeader({ from, body }: Message, nowMs: number): void {
    const core = this.#core;
    const { role } = core;
    if (role.kind !== 'leader') return;
    const progress = role.progress.get(from);
    if (!progress) return;
    progress.heardMs = nowMs;
    switch (body.kind) {
      case 'append-reply':
        stepAppendReply(core, role, from, progress, body);
        continueTransfer(core, role, nowMs);
        this.#leaveIfRemoved(nowMs);
        break;
      case 'heartbeat-reply':
        stepHeartbeatReply(core, role, from, progress, body.round);
        break;
      case 'snapshot-reply':
        stepSnapshotReply(core, from, progress, body);
        break;
      case 'read-index':
        if (!role.transfer) askRead(core, role, from, body.context);
        break;
      case 'propose':
        this.propose(body.data);
        break;
      default:
    }
  }

  /** A leader that removed itself leads until that is committed (thesis §4.2.2). */
  #leaveIfRemoved(nowMs: number): void {
    const core = this.#core;
    if (core.role.kind !== 'leader' || isMember(core.log.members, core.id)) return;
    if (core.log.membersIndex <= core.log.committed) core.becomeFollower(core.term, nowMs);
  }

  /** Leader only: appends a command. Undefined when it is on its way, or why it was not even begun. */
  propose(data: Buffer): EterneError | undefined {
    return this.#append('command', data);
  }

  /** Leader only: the number of a round of heartbeats to everybody, which begins at once. */
  askEverybody(): number | undefined {
    const { role } = this.#core;
    if (role.kind !== 'leader') return undefined;
    role.roundWanted = true;
    return role.rounds.newest + 1;
  }

  /**
   * Who decides after `change` has answered `round`, as far as is known. A change holds from the moment it is appended: one begun without them is never committed, nor undone.
   * A tie-breaker is asked only when it is needed; whether it answers the caller knows.
   */
  wouldDecide(change: MemberChange, round: number): boolean {
    const { role, log } = this.#core;
    const after = changeMembers(log.members, change);
    if (role.kind !== 'leader' || after instanceof EterneError || change.kind === 'add-learner') return true;
    if (change.kind === 'remove' && !electorsOf(log.members).includes(change.id)) return true;
    return isQuorum(after, (id) => isTie(id) || role.rounds.hasAnswered(id, round));
  }

  /** Leader only: one member more, less, or with another role. */
  proposeMember(change: MemberChange, nowMs: number): EterneError | undefined {
    const core = this.#core;
    const { role } = core;
    if (role.kind !== 'leader') return notLeader();
    if (core.log.membersIndex > core.log.committed || core.log.termAt(core.log.committed) !== core.term)
      return new EterneError('busy', 'another change of the log’s members is under way');
    const members = changeMembers(core.log.members, change);
    if (members instanceof EterneError) return members;
    const match = role.progress.get(change.id)?.match ?? 0;
    const isToCount = change.kind === 'promote' || change.kind === 'succeed';
    if (isToCount && match + PROMOTE_MAX_LAG < core.log.lastIndex)
      return new EterneError('busy', `${change.id} has not caught up yet`);
    return this.#append('members', encodeMembers(members), () => {
      for (const id of role.progress.keys()) if (!isMember(members, id)) role.progress.delete(id);
      for (const { id } of members)
        if (id !== core.id && !role.progress.has(id))
          role.progress.set(id, newProgress(core.log.lastIndex - 1, nowMs));
    });
  }

  #append(kind: Entry['kind'], data: Buffer, appended: () => void = () => {}): EterneError | undefined {
    const core = this.#core;
    const { role } = core;
    if (role.kind !== 'leader') return notLeader();
    if (role.transfer) return new EterneError('busy', 'leadership is being handed over');
    if (data.length > ENTRY_MAX_BYTES)
      return new EterneError('refused', `a log entry has at most ${ENTRY_MAX_BYTES} bytes`);
    if (role.uncommittedBytes + data.length > UNCOMMITTED_MAX_BYTES)
      return new EterneError('busy', 'too much is waiting to be committed');
    appendAsLeader(core, role, core.newEntry(kind, data));
    appended();
    broadcastAppend(core, role);
    return undefined;
  }

  /** Asks for the index that a linearizable read must see; it comes back in `Output.reads`, or never. */
  readIndex(context: number): void {
    const core = this.#core;
    if (core.role.kind === 'leader') {
      if (!core.role.transfer) askRead(core, core.role, core.id, context);
    } else if (core.leaderId !== undefined) core.send(core.leaderId, { kind: 'read-index', context });
  }

  /** Leader only: hands over to the voter `to`. */
  transferLeadership(to: MemberId, nowMs: number): EterneError | undefined {
    const core = this.#core;
    if (core.role.kind !== 'leader') return notLeader();
    if (to === core.id || !isVoter(core.log.members, to))
      return new EterneError('refused', `${to} is not another voter of the log`);
    if (core.role.transfer) return new EterneError('busy', 'leadership is being handed over already');
    // Authority would stand still for nothing.
    if (!isAble(core, core.role, to, nowMs))
      return new EterneError('busy', `${to} is silent, or has not got everything yet`);
    beginTransfer(core, core.role, to, nowMs);
    return undefined;
  }

  /** Ends this leadership or candidacy, because the node cannot do its duty (its disk failed). */
  stepDown(nowMs: number): void {
    this.#core.becomeFollower(this.#core.term, nowMs);
    this.#core.stick(nowMs);
    this.#core.waitForElection(nowMs);
  }

  /**
   * Our disk hangs: nothing that we lead gets committed. Ends this leadership where the others can elect without us; where they cannot, what is granted by it
   * is better than nothing.
   */
  yieldLeadership(nowMs: number): void {
    const core = this.#core;
    if (core.role.kind === 'leader' && canElectWithoutUs(core, core.role, nowMs)) this.stepDown(nowMs);
  }

  takeOutput(nowMs: number): Output {
    const core = this.#core;
    if (core.role.kind === 'leader' && core.role.roundWanted) this.#beginRound(core.role, nowMs);
    const restore = core.snapshotToApply;
    core.snapshotToApply = undefined;
    return {
      messages: core.urgent.splice(0),
      restore,
      committed: core.log.takeCommitted(),
      reads: core.readResults.splice(0),
    };
  }

  /** Undefined when there is nothing to write and nothing waits for a write. */
  ready(): Ready | undefined {
    assert(!this.#inReady, 'one Ready at a time');
    const core = this.#core;
    const hardState = this.durable.hardState;
    const entries = core.log.unstable();
    const snapshot = core.snapshotToPersist;
    const write = this.#writeNeeded(hardState, entries.length > 0 || snapshot !== undefined);
    if (write === 'none' && core.afterPersist.length === 0) return undefined;
    this.#inReady = true;
    core.snapshotToPersist = undefined;
    return { hardState, snapshot, entries, write, messages: core.afterPersist.splice(0) };
  }

  #writeNeeded(hardState: HardState, hasContent: boolean): Ready['write'] {
    const { term, vote, commit, holdMs } = this.#written;
    if (hasContent || hardState.term !== term || hardState.vote !== vote) return 'sync';
    if (hardState.holdMs > this.#core.durableHoldMs) return 'sync';
    return hardState.commit === commit && hardState.holdMs === holdMs ? 'none' : 'lazy';
  }

  /** All that must survive, as it stands now: at least what any Ready so far contains. */
  get durable(): {
    readonly hardState: HardState;
    readonly snapshot: Snapshot;
    readonly entries: readonly Entry[];
  } {
    const { term, vote, holdMs, log } = this.#core;
    return {
      hardState: { term, vote, commit: log.committed, holdMs },
      snapshot: log.snapshot,
      entries: log.entriesAfterSnapshot(),
    };
  }

  /** Nobody, for all but a leader. */
  heard(nowMs: number): ReadonlySet<MemberId> {
    const core = this.#core;
    return core.role.kind === 'leader' ? heardMembers(core, core.role, nowMs) : new Set();
  }

  /** A leader is known, or was heard within the election timeout; for a leader, whether its authority holds. */
  isQuorate(nowMs: number): boolean {
    const core = this.#core;
    if (core.role.kind === 'leader') return authorityUntilMs(core, core.role) > nowMs;
    return core.leaderId !== undefined && nowMs < core.stickyUntilMs + core.spreadMs;
  }

  /** The Ready is on disk and its messages to others are sent; those to ourselves (our own vote) count now. */
  persisted(ready: Ready, nowMs: number): void {
    assert(this.#inReady, 'only what was ready can be persisted');
    this.#inReady = false;
    const core = this.#core;
    this.#written = ready.hardState;
    core.durableHoldMs = Math.min(ready.hardState.holdMs, core.holdMs);
    const last = ready.entries.at(-1);
    if (last) core.log.stableTo(last.index, last.term);
    for (const message of ready.messages) this.step(message, nowMs);
    if (core.role.kind === 'leader') {
      advanceCommit(core, core.role);
      tellTie(core, core.role);
    }
    this.#leaveIfRemoved(nowMs);
  }

  /** See `behindSinceMs` in heartbeats.ts. */
  behindSinceMs(): number {
    return behindSinceMs(this.#core);
  }

  status(): RaftStatus {
    const core = this.#core;
    return {
      id: core.id,
      role: core.role.kind,
      leader: core.leaderId,
      term: core.term,
      vote: core.vote,
      lastIndex: core.log.lastIndex,
      committed: core.log.committed,
      members: core.log.members,
      membersBefore: core.log.membersBefore,
      authorityUntilMs:
        core.role.kind === 'leader' ? authorityUntilMs(core, core.role) : Number.NEGATIVE_INFINITY,
      snapshotIndex: core.log.snapshot.index,
    };
  }
}

function notLeader(): EterneError {
  return new EterneError('no-quorum', 'this node does not lead the cluster’s log');
}
