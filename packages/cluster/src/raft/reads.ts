/** Linearizable reads without a log entry (thesis §6.4): a majority confirms, after the question, that the leader still leads. */
import type { Leader, RaftCore } from './core.ts';
import type { MemberId } from './types.ts';
import { PENDING_READS_MAX } from './types.ts';

/**
 * Leader. The answer is given when a round begun from now on has been answered by a majority. Dropped (the asker tries again) while no entry of this
 * term is committed, because until then our commit index may lag behind the truth, or when too many wait.
 */
export function askRead(core: RaftCore, leader: Leader, from: MemberId, context: number): void {
  const { log } = core;
  if (log.termAt(log.committed) !== core.term || leader.reads.length >= PENDING_READS_MAX) return;
  leader.reads.push({ from, context, index: log.committed, round: leader.rounds.newest + 1 });
  leader.roundWanted = true;
}

/** Answers the reads whose round a majority has confirmed. */
export function releaseReads(core: RaftCore, leader: Leader): void {
  const confirmed = leader.rounds.quorumRound(core.log.members);
  const ready = leader.reads.filter((read) => read.round <= confirmed);
  if (ready.length === 0) return;
  leader.reads = leader.reads.filter((read) => read.round > confirmed);
  for (const { from, context, index } of ready) {
    if (from === core.id) core.readResults.push({ context, index });
    else core.send(from, { kind: 'read-index-reply', context, index });
  }
}
