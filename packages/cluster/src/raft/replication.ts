/** Log replication and commitment (thesis §3.5, §3.6). */
import type { Leader, RaftCore } from './core.ts';
import { quorumValue } from './members.ts';
import type { Append } from './messages/append.ts';
import type { AppendReply } from './messages/append-reply.ts';
import type { Message } from './messages/message.ts';
import type { Progress } from './progress.ts';
import { sendSnapshotChunk } from './snapshots.ts';
import { isTie } from './tie/tie-id.ts';
import type { Entry, LogIndex, MemberId } from './types.ts';
import { APPEND_MAX_BYTES, APPEND_MAX_ENTRIES, INFLIGHT_MAX } from './types.ts';

export function appendAsLeader(core: RaftCore, leader: Leader, entry: Entry): void {
  core.log.append([entry]);
  leader.uncommittedBytes += entry.data.length;
}

export function broadcastAppend(core: RaftCore, leader: Leader): void {
  for (const [id, progress] of leader.progress) sendAppends(core, id, progress);
}

/** Sends what the follower lacks, as far as its window allows. */
export function sendAppends(core: RaftCore, to: MemberId, progress: Progress): void {
  while (mayAppend(progress) && progress.next <= lastFor(core, to)) {
    if (!sendOneAppend(core, to, progress)) return;
  }
}

/**
 * The last entry that it may be told of. A tie-breaker names what it was told to whoever wants its vote, and has no entries itself: told of one that is on no disk yet
 * it would, after a power cut, name what nobody has, and vote for nobody any more.
 */
function lastFor({ log }: RaftCore, to: MemberId): LogIndex {
  return isTie(to) ? log.stable : log.lastIndex;
}

/** What it was not told before it was on our own disk. */
export function tellTie(core: RaftCore, leader: Leader): void {
  for (const [id, progress] of leader.progress) if (isTie(id)) sendAppends(core, id, progress);
}

function mayAppend(progress: Progress): boolean {
  switch (progress.state.kind) {
    case 'probe':
      return !progress.state.waiting;
    case 'replicate':
      return progress.state.inflight.length < INFLIGHT_MAX;
    case 'snapshot':
      return false;
  }
}

/** Also with no entries: as a probe, or to tell the commit index. False when it had to become a snapshot, or nothing may be told yet. */
export function sendOneAppend(core: RaftCore, to: MemberId, progress: Progress): boolean {
  const prevIndex = progress.next - 1;
  const prevTerm = core.log.termAt(prevIndex);
  if (prevTerm === undefined || progress.next < core.log.firstIndex) {
    progress.state = { kind: 'snapshot', snapshot: core.log.snapshot, nextOffset: 0 };
    sendSnapshotChunk(core, to, progress.state);
    return false;
  }
  const last = lastFor(core, to);
  if (prevIndex > last) return false;
  const entries = core.log.slice(progress.next, last, APPEND_MAX_BYTES, APPEND_MAX_ENTRIES);
  core.send(to, { kind: 'append', prevIndex, prevTerm, commit: core.log.committed, entries });
  const newest = entries.at(-1);
  switch (progress.state.kind) {
    case 'probe':
      progress.state.waiting = true;
      break;
    case 'replicate':
      if (newest) {
        progress.state.inflight.push(newest.index);
        progress.next = newest.index + 1;
      }
      break;
    case 'snapshot':
      break;
  }
  return true;
}

/** Follower. */
export function stepAppend(core: RaftCore, message: Message, body: Append): void {
  const reply = (ok: boolean, index: LogIndex, hintIndex: LogIndex): void =>
    core.sendAfterPersist(message.from, {
      kind: 'append-reply',
      ok,
      index,
      hintIndex,
      hintTerm: core.log.termAt(hintIndex) ?? 0,
    });
  if (body.prevIndex < core.log.committed) {
    reply(true, core.log.committed, 0);
    return;
  }
  if (core.log.termAt(body.prevIndex) !== body.prevTerm) {
    reply(false, body.prevIndex, core.log.lastIndexWithTermAtMost(body.prevIndex, body.prevTerm));
    return;
  }
  core.log.append(body.entries);
  const lastNew = body.prevIndex + body.entries.length;
  core.log.commitTo(Math.min(body.commit, lastNew));
  reply(true, lastNew, 0);
}

/** Leader. */
export function stepAppendReply(
  core: RaftCore,
  leader: Leader,
  from: MemberId,
  progress: Progress,
  body: AppendReply,
): void {
  if (body.ok) confirmed(core, leader, from, progress, body.index);
  else rejected(core, from, progress, body);
}

function confirmed(
  core: RaftCore,
  leader: Leader,
  from: MemberId,
  progress: Progress,
  index: LogIndex,
): void {
  const { state } = progress;
  if (state.kind === 'snapshot' && index < state.snapshot.index) return;
  if (index > progress.match) progress.advancedMs = progress.heardMs;
  progress.match = Math.max(progress.match, index);
  progress.next = Math.max(progress.next, progress.match + 1);
  switch (state.kind) {
    case 'probe':
    case 'snapshot':
      progress.state = { kind: 'replicate', inflight: [] };
      progress.next = progress.match + 1;
      // Even if nothing follows: it was not told the commit index meanwhile.
      sendOneAppend(core, from, progress);
      break;
    case 'replicate':
      state.inflight = state.inflight.filter((last) => last > index);
      break;
  }
  advanceCommit(core, leader);
  sendAppends(core, from, progress);
}

function rejected(core: RaftCore, from: MemberId, progress: Progress, body: AppendReply): void {
  if (progress.state.kind === 'snapshot' || body.index <= progress.match) return;
  if (progress.state.kind === 'probe' && body.index !== progress.next - 1) return;
  const agreed = core.log.lastIndexWithTermAtMost(body.hintIndex, body.hintTerm);
  progress.next = Math.max(progress.match + 1, Math.min(body.index, agreed + 1));
  progress.state = { kind: 'probe', waiting: false };
  sendOneAppend(core, from, progress);
}

/**
 * Commits what a majority of the voters has on disk and our own disk as well, and only through an entry of this term (thesis §3.6.2, figure 3.7). A majority
 * without us would be enough for Raft; but then others would act on an entry that the leader, who grants rights by what it has applied, does not know to be
 * committed (docs/internals/log-moves.md).
 */
export function advanceCommit(core: RaftCore, leader: Leader): void {
  const agreed = quorumValue(core.log.members, (id) =>
    id === core.id ? core.log.stable : (leader.progress.get(id)?.match ?? 0),
  );
  const reached = Math.min(agreed, core.log.stable);
  const before = core.log.committed;
  if (reached <= before || core.log.termAt(reached) !== core.term) return;
  core.log.commitTo(reached);
  for (let index = before + 1; index <= reached; index += 1)
    leader.uncommittedBytes -= core.log.entryAt(index)?.data.length ?? 0;
  leader.uncommittedBytes = Math.max(0, leader.uncommittedBytes);
  for (const [id, progress] of leader.progress) tellCommit(core, id, progress);
}

/** Followers apply at once instead of at the next heartbeat. */
function tellCommit(core: RaftCore, to: MemberId, progress: Progress): void {
  if (progress.state.kind === 'replicate' && mayAppend(progress)) sendOneAppend(core, to, progress);
}
