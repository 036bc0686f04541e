/** Heartbeats, check-quorum (thesis §6.2), and the authority that follows from the answers. */
import type { Leader, RaftCore } from './core.ts';
import { quorumOf, votersOf } from './members.ts';
import type { Heartbeat } from './messages/heartbeat.ts';
import type { Message } from './messages/message.ts';
import type { Progress } from './progress.ts';
import { releaseReads } from './reads.ts';
import { sendOneAppend } from './replication.ts';
import { sendSnapshotChunk } from './snapshots.ts';
import type { MemberId } from './types.ts';

/** Begins a round. `nowMs` must not be later than the messages leave: authority counts from it. */
export function broadcastHeartbeat(core: RaftCore, leader: Leader, nowMs: number): void {
  const round = leader.rounds.begin(nowMs);
  core.heardLeaderMs = nowMs;
  leader.nextHeartbeatMs = nowMs + core.config.timing.heartbeatMs;
  leader.roundWanted = false;
  for (const [id, progress] of leader.progress)
    core.send(id, { kind: 'heartbeat', round, commit: Math.min(progress.match, core.log.committed) });
}

/** Follower; the leader has been `heard` already. */
export function stepHeartbeat(core: RaftCore, message: Message, body: Heartbeat): void {
  core.log.commitTo(Math.min(body.commit, core.log.lastIndex));
  core.send(message.from, { kind: 'heartbeat-reply', round: body.round });
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

/** A leader that a majority has not spoken to for an election timeout is none (it may be cut off). */
export function hasLostQuorum(core: RaftCore, leader: Leader, nowMs: number): boolean {
  const oldestMs = nowMs - core.config.timing.electionMaxMs;
  const heard = votersOf(core.log.members).filter(
    (id) => id === core.id || (leader.progress.get(id)?.heardMs ?? Number.NEGATIVE_INFINITY) > oldestMs,
  );
  return heard.length < quorumOf(core.log.members);
}

/**
 * No other leader can exist before this, on our boot clock: the majority that answered the newest round votes for nobody
 * until the minimum election timeout after it heard that round, which was after we sent it; the margin covers clocks that run at different speeds.
 * While handing over it stands still, and once the successor has been told it is gone for good.
 */
export function authorityUntilMs(core: RaftCore, leader: Leader): number {
  const { transfer } = leader;
  if (transfer) return transfer.sentMs === undefined ? transfer.authorityUntilMs : Number.NEGATIVE_INFINITY;
  const { electionMinMs, driftMarginMs } = core.config.timing;
  return leader.rounds.quorumSentMs(core.log.members) + electionMinMs - driftMarginMs;
}
