/** Elections: pre-vote (thesis §9.6), vote (§3.4), and who may not vote because a leader may still hold rights (§4.2.3). */
import type { Candidate, Leader, RaftCore } from './core.ts';
import { broadcastHeartbeat } from './heartbeats.ts';
import { electorsOf, isQuorum, votersOf } from './members.ts';
import type { Message } from './messages/message.ts';
import type { PreVote } from './messages/pre-vote.ts';
import type { Vote } from './messages/vote.ts';
import { newProgress } from './progress.ts';
import type { MemberId } from './types.ts';
import { appendAsLeader, broadcastAppend } from './replication.ts';
import { Rounds } from './rounds.ts';

const NOTHING = Buffer.alloc(0);

/** The leader has been silent for too long, or the last attempt had no winner. */
export function electionTimeout(core: RaftCore, nowMs: number): void {
  if (core.role.kind === 'candidate' && core.mayStand && core.isSticky(nowMs)) {
    askAgain(core, core.role, nowMs);
    return;
  }
  core.role = { kind: 'follower', leader: undefined };
  if (!core.mayStand) {
    core.waitForElection(nowMs);
    return;
  }
  core.waitForRetry(nowMs);
  if (core.isSticky(nowMs)) return;
  core.role = { kind: 'pre-candidate', votes: new Map([[core.id, true]]) };
  for (const voter of otherElectors(core))
    core.send(
      voter,
      { kind: 'pre-vote', lastIndex: core.log.lastIndex, lastTerm: core.log.lastTerm },
      core.term + 1,
    );
  countPreVotes(core, nowMs);
}

/**
 * The leader's process seems to have died. Stands as soon as others may vote, one voter after the other in the order of their names instead of by
 * chance, so that they do not split the vote. A leader that lives after all is heard, and that sets the usual timeout again. Of many some have heard it a
 * heartbeat later than the others (heartbeats.ts), and whoever comes late in the order stands by chance, after those that come early.
 */
export function suspectLeader(core: RaftCore, leader: MemberId): void {
  if (core.role.kind !== 'follower' || core.role.leader !== leader) return;
  const { heartbeatMs } = core.timing;
  const before = votersOf(core.log.members).filter((id) => id !== leader && id < core.id).length;
  const turnMs = heartbeatMs / 4 + before * heartbeatMs;
  if (!core.isOfMany) core.electionDeadlineMs = core.stickyUntilMs + Math.min(turnMs, core.spreadMs);
  else if (turnMs < core.spreadMs) core.electionDeadlineMs = core.stickyUntilMs + heartbeatMs + turnMs;
  else core.electionDeadlineMs += heartbeatMs + core.spreadMs;
}

export function stepPreVote(core: RaftCore, message: Message, body: PreVote, nowMs: number): void {
  const granted =
    message.term > core.term &&
    !core.isSticky(nowMs) &&
    core.role.kind !== 'leader' &&
    core.log.isUpToDate(body.lastIndex, body.lastTerm);
  if (granted) core.giveWay(nowMs);
  core.send(message.from, { kind: 'pre-vote-reply', granted }, granted ? message.term : core.term);
}

export function stepPreVoteReply(core: RaftCore, message: Message, granted: boolean, nowMs: number): void {
  if (core.role.kind !== 'pre-candidate') return;
  core.role.votes.set(message.from, granted);
  countPreVotes(core, nowMs);
}

function countPreVotes(core: RaftCore, nowMs: number): void {
  if (core.role.kind !== 'pre-candidate') return;
  if (haveSaid(core, core.role.votes, true)) standForElection(core, false, nowMs);
}

/** A real candidacy. Our own vote, like everybody's, counts once it is on disk: it is a message to ourselves. */
export function standForElection(core: RaftCore, transfer: boolean, nowMs: number): void {
  core.term += 1;
  core.vote = core.id;
  core.role = { kind: 'candidate', votes: new Map(), transfer };
  core.waitForRetry(nowMs);
  core.sendAfterPersist(core.id, { kind: 'vote-reply', granted: true });
  for (const voter of otherElectors(core)) askForVote(core, voter, transfer);
}

/**
 * A successor (transfer.ts) is bound by what it promised its predecessor, and may not stand in another term before that is over. But who was asked in this
 * one may yet answer: over a slow or lossy line that is much sooner.
 */
function askAgain(core: RaftCore, { votes, transfer }: Candidate, nowMs: number): void {
  core.waitForRetry(nowMs);
  for (const voter of otherElectors(core)) if (!votes.has(voter)) askForVote(core, voter, transfer);
}

function askForVote(core: RaftCore, voter: MemberId, transfer: boolean): void {
  core.sendAfterPersist(voter, {
    kind: 'vote',
    lastIndex: core.log.lastIndex,
    lastTerm: core.log.lastTerm,
    transfer,
  });
}

/** Called with the candidate's term already adopted, unless we are sticky (then the request was dropped before). */
export function stepVote(core: RaftCore, message: Message, body: Vote, nowMs: number): void {
  const granted =
    message.term === core.term &&
    (core.vote === undefined || core.vote === message.from) &&
    core.leaderId === undefined &&
    core.log.isUpToDate(body.lastIndex, body.lastTerm);
  if (granted) {
    core.vote = message.from;
    core.waitForElection(nowMs);
  }
  core.sendAfterPersist(message.from, { kind: 'vote-reply', granted });
}

export function stepVoteReply(core: RaftCore, message: Message, granted: boolean, nowMs: number): void {
  if (core.role.kind !== 'candidate') return;
  core.role.votes.set(message.from, granted);
  if (haveSaid(core, core.role.votes, true)) becomeLeader(core, nowMs);
  else if (haveSaid(core, core.role.votes, false)) core.role = { kind: 'follower', leader: undefined };
}

/** A new leader commits an empty entry of its own term, and with it everything before (thesis §3.6.2, §6.4). */
function becomeLeader(core: RaftCore, nowMs: number): void {
  const leader: Leader = {
    kind: 'leader',
    progress: new Map(),
    rounds: new Rounds(core.id),
    nextHeartbeatMs: nowMs,
    aloneUntilMs: Number.NEGATIVE_INFINITY,
    roundWanted: true,
    reads: [],
    transfer: undefined,
    uncommittedBytes: 0,
  };
  for (const member of core.log.members)
    if (member.id !== core.id) leader.progress.set(member.id, newProgress(core.log.lastIndex, nowMs));
  core.role = leader;
  appendAsLeader(core, leader, core.newEntry('noop', NOTHING));
  broadcastHeartbeat(core, leader, nowMs);
  broadcastAppend(core, leader);
}

/** It is there, has all that is committed, and confirms what it lacks: it could lead. A member whose disk is full or hangs could not. */
export function isAble(core: RaftCore, leader: Leader, id: MemberId, nowMs: number): boolean {
  const progress = leader.progress.get(id);
  if (progress === undefined || progress.match < core.log.committed) return false;
  const isRecent = (ms: number): boolean => nowMs - ms < core.timing.electionMinMs;
  return (
    isRecent(progress.heardMs) && (progress.match >= core.log.lastIndex || isRecent(progress.advancedMs))
  );
}

export function canElectWithoutUs(core: RaftCore, leader: Leader, nowMs: number): boolean {
  return isQuorum(core.log.members, (id) => id !== core.id && isAble(core, leader, id, nowMs));
}

function otherElectors(core: RaftCore): readonly string[] {
  return electorsOf(core.log.members).filter((id) => id !== core.id);
}

/** Enough of them to decide. */
function haveSaid(core: RaftCore, votes: ReadonlyMap<string, boolean>, word: boolean): boolean {
  return isQuorum(core.log.members, (id) => votes.get(id) === word);
}
