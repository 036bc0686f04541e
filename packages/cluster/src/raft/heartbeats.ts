/**
 * Heartbeats, check-quorum (thesis §6.2), and the authority that follows from the answers.
 *
 * Every round says how long whoever answers it votes for nobody else: its *hold*. It is the minimum election timeout of the leader's profile, so the
 * profile may change at any moment and members may know of it in any order: a leader claims what was promised to it, never what it takes others to do.
 * 1. A hold that is longer than the one on a member's disk is written there before it is answered: a restart forgets no promise.
 * 2. A leader asks for no longer hold than it keeps itself, on its own disk.
 * 3. A shorter hold ends no longer promise: who gave one keeps it to its end, and so the claim that rests on it stays true.
 */
import type { Leader, RaftCore } from './core.ts';
import { isQuorum, isVoter } from './members.ts';
import type { Heartbeat } from './messages/heartbeat.ts';
import type { Message } from './messages/message.ts';
import type { Progress } from './progress.ts';
import { releaseReads } from './reads.ts';
import { sendOneAppend } from './replication.ts';
import { sendSnapshotChunk } from './snapshots.ts';
import { isTie } from './tie/tie-id.ts';
import type { MemberId } from './types.ts';

/**
 * Begins a round. `nowMs` must not be later than the messages leave: authority counts from it. Of many members every second one is sent it, in turn: a majority
 * has then answered one of the last two, so that the claim, which counts answers and nothing else, is older by one heartbeat, and every round costs half.
 * One that somebody wants goes to all.
 */
export function broadcastHeartbeat(core: RaftCore, leader: Leader, nowMs: number): void {
  const holdMs = ownHold(core, nowMs);
  const round = leader.rounds.begin(nowMs + holdMs - driftMarginMs(core, holdMs), holdMs);
  leader.nextHeartbeatMs = nowMs + paceMs(core, leader);
  const isInTurn = !leader.roundWanted && core.isOfMany;
  leader.roundWanted = false;
  for (const [place, [id, progress]] of [...leader.progress].entries()) {
    if (progress.match >= core.log.lastIndex) progress.advancedMs = nowMs;
    if (isInTurn && (place + round) % 2 === 1 && id !== leader.transfer?.to) continue;
    core.send(id, { kind: 'heartbeat', round, commit: Math.min(progress.match, core.log.committed), holdMs });
  }
}

/** Rule 2: a longer hold than before is asked for once our own promise of it is on disk. */
function ownHold(core: RaftCore, nowMs: number): number {
  const { electionMinMs } = core.timing;
  core.promise(electionMinMs, nowMs);
  return Math.min(electionMinMs, core.durableHoldMs);
}

/** The same share of every hold. */
function driftMarginMs({ timing }: RaftCore, holdMs: number): number {
  return (timing.driftMarginMs * holdMs) / timing.electionMinMs;
}

/** As long as a majority holds still for a shorter time only, rounds follow each other as fast as that needs. */
function paceMs({ timing, log }: RaftCore, leader: Leader): number {
  const holdMs = leader.rounds.quorumHoldMs(log.members) ?? timing.electionMinMs;
  return (timing.heartbeatMs * Math.min(holdMs, timing.electionMinMs)) / timing.electionMinMs;
}

/** Follower; the leader has been `heard` already. Rule 1. */
export function stepHeartbeat(core: RaftCore, message: Message, body: Heartbeat, nowMs: number): void {
  core.log.commitTo(Math.min(body.commit, core.log.lastIndex));
  core.promise(body.holdMs, nowMs);
  core.waitForElection(nowMs);
  const answer = { kind: 'heartbeat-reply', round: body.round } as const;
  if (body.holdMs <= core.durableHoldMs) core.send(message.from, answer);
  else core.sendAfterPersist(message.from, answer);
}

/** Leader. The answer also shows that the way is open again: what was lost on it is sent anew. */
export function stepHeartbeatReply(
  core: RaftCore,
  leader: Leader,
  from: MemberId,
  progress: Progress,
  round: number,
): void {
  leader.rounds.answered(from, round);
  releaseReads(core, leader);
  switch (progress.state.kind) {
    case 'probe':
      progress.state.waiting = false;
      break;
    case 'replicate':
      // A full window must not stay shut because its answers were lost; an empty append finds out what is missing.
      progress.state.inflight.shift();
      break;
    case 'snapshot':
      sendSnapshotChunk(core, from, progress.state);
      return;
  }
  if (progress.match < core.log.lastIndex) sendOneAppend(core, from, progress);
}

/** A leader that a majority has not spoken to for an election timeout is none (it may be cut off), unless what they promised lasts longer. */
export function hasLostQuorum(core: RaftCore, leader: Leader, nowMs: number): boolean {
  if (nowMs < leader.aloneUntilMs) return false;
  return !isQuorum(core.log.members, (id) => isHeard(core, leader, id, nowMs));
}

function isHeard(core: RaftCore, leader: Leader, id: MemberId, nowMs: number): boolean {
  const { heardMs = Number.NEGATIVE_INFINITY } = leader.progress.get(id) ?? {};
  return id === core.id || heardMs > nowMs - core.timing.electionMaxMs;
}

/** The leader itself, and who has everything that is committed for certain (not whose disk hangs, and who beats on) and spoke within an election timeout. */
export function heardMembers(core: RaftCore, leader: Leader, nowMs: number): ReadonlySet<MemberId> {
  const hasAnswered = ([id, { match }]: readonly [MemberId, Progress]): boolean =>
    match > 0 && match >= core.log.committed && isHeard(core, leader, id, nowMs);
  return new Set([core.id, ...[...leader.progress].filter(hasAnswered).map(([id]) => id)]);
}

/** Since when another voter confirms nothing of what it lacks: its disk hangs, or it is far behind; +Infinity: none is so, or this is no leader. A tie-breaker is asked only when it is needed. */
export function behindSinceMs({ role, log }: RaftCore): number {
  if (role.kind !== 'leader') return Number.POSITIVE_INFINITY;
  const lacking = [...role.progress].filter(
    ([id, { match }]) => match < log.lastIndex && isVoter(log.members, id) && !isTie(id),
  );
  return Math.min(...lacking.map(([, { advancedMs }]) => advancedMs));
}

/**
 * No other leader can exist before this, on our boot clock: each voter of a majority has answered a round and votes for nobody for its hold
 * after it heard it, which was after we sent it; the margin covers clocks that run at different speeds. What was claimed once stays claimed.
 * While handing over it stands still, and once the successor has been told it is gone for good.
 */
export function authorityUntilMs(core: RaftCore, leader: Leader): number {
  const { transfer } = leader;
  if (transfer) return transfer.sentMs === undefined ? transfer.authorityUntilMs : Number.NEGATIVE_INFINITY;
  leader.aloneUntilMs = Math.max(leader.aloneUntilMs, leader.rounds.quorumUntilMs(core.log.members));
  return leader.aloneUntilMs;
}
