/**
 * Handing leadership over (thesis §3.10) without ever having two holders of authority:
 * 1. authority stands still from the moment the hand-over begins; new proposals and reads are refused;
 * 2. the successor is brought up to date, up to an empty entry of this moment: whose disk hangs confirms that no more, and could not even vote for itself;
 * 3. when the old authority has run out, the successor is told to stand, with a mark that lets voters vote at once; if it is not ready
 *    then, the hand-over is called off and authority grows again;
 * 4. once it has been told, this leader never claims authority again in its term: if nobody else shows up it stands anew itself,
 *    with the same mark, since the authority that the voters protect was its own and is gone.
 */
import type { Leader, RaftCore } from './core.ts';
import { standForElection } from './election.ts';
import { authorityUntilMs } from './heartbeats.ts';
import { isVoter } from './members.ts';
import { appendAsLeader, broadcastAppend } from './replication.ts';
import type { MemberId } from './types.ts';

/** A successor that has not been heard for so many heartbeats is not ready. */
const READY_HEARTBEATS = 2;

export function beginTransfer(core: RaftCore, leader: Leader, to: MemberId, nowMs: number): void {
  const untilMs = authorityUntilMs(core, leader);
  const dueMs = Math.max(untilMs + 1, nowMs + core.timing.heartbeatMs);
  leader.transfer = { to, authorityUntilMs: untilMs, dueMs, sentMs: undefined };
  leader.reads = [];
  appendAsLeader(core, leader, core.newEntry('noop', Buffer.alloc(0)));
  broadcastAppend(core, leader);
}

/** Leader, at every tick while a hand-over is under way. */
export function continueTransfer(core: RaftCore, leader: Leader, nowMs: number): void {
  if (!leader.transfer || nowMs < transferDueMs(core, leader)) return;
  if (leader.transfer.sentMs !== undefined) {
    standForElection(core, true, nowMs);
  } else if (isReady(core, leader, leader.transfer.to, nowMs)) {
    leader.transfer.sentMs = nowMs;
    core.send(leader.transfer.to, { kind: 'timeout-now' });
  } else leader.transfer = undefined;
}

function isReady(core: RaftCore, leader: Leader, successor: MemberId, nowMs: number): boolean {
  const progress = leader.progress.get(successor);
  const patienceMs = READY_HEARTBEATS * core.timing.heartbeatMs;
  return (
    progress !== undefined &&
    progress.match === core.log.lastIndex &&
    nowMs - progress.heardMs <= patienceMs &&
    isVoter(core.log.members, core.id)
  );
}

/** When `continueTransfer` has something to do. */
export function transferDueMs(core: RaftCore, leader: Leader): number {
  const { transfer } = leader;
  if (!transfer) return Number.POSITIVE_INFINITY;
  if (transfer.sentMs === undefined) return transfer.dueMs;
  return transfer.sentMs + core.timing.toldMs;
}
