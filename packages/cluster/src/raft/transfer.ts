/**
 * Handing leadership over (thesis §3.10) without ever having two holders of authority:
 * 1. authority stands still from the moment the hand-over begins; new proposals and reads are refused;
 * 2. the successor is brought up to date;
 * 3. only when the old authority has run out is it told to stand, with a mark that lets voters vote at once;
 * 4. from then on this leader never claims authority again in its term: if no successor shows up it steps down.
 */
import type { Leader, RaftCore } from './core.ts';
import { authorityUntilMs } from './heartbeats.ts';
import type { MemberId } from './types.ts';

export function beginTransfer(core: RaftCore, leader: Leader, to: MemberId, nowMs: number): void {
  leader.transfer = {
    to,
    authorityUntilMs: authorityUntilMs(core, leader),
    deadlineMs: nowMs + 2 * core.config.timing.electionMaxMs,
    sent: false,
  };
  leader.reads = [];
}

/** Leader, at every tick while a hand-over is under way. */
export function continueTransfer(core: RaftCore, leader: Leader, nowMs: number): void {
  const { transfer } = leader;
  if (!transfer) return;
  if (nowMs >= transfer.deadlineMs) {
    if (transfer.sent) core.becomeFollower(core.term, nowMs);
    else leader.transfer = undefined;
    return;
  }
  const caughtUp = leader.progress.get(transfer.to)?.match === core.log.lastIndex;
  if (transfer.sent || !caughtUp || nowMs <= transfer.authorityUntilMs) return;
  transfer.sent = true;
  core.send(transfer.to, { kind: 'timeout-now' });
}

/** When `continueTransfer` has something to do next. */
export function transferDueMs(leader: Leader): number {
  const { transfer } = leader;
  if (!transfer) return Number.POSITIVE_INFINITY;
  return transfer.sent ? transfer.deadlineMs : Math.min(transfer.deadlineMs, transfer.authorityUntilMs + 1);
}
