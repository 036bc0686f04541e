/** Snapshots to a follower that needs what is compacted away (thesis §5.3), one chunk at a time. */
import { assert } from '@eterne/base';
import type { RaftCore } from './core.ts';
import type { Message } from './messages/message.ts';
import type { SnapshotChunk } from './messages/snapshot-chunk.ts';
import type { SnapshotReply } from './messages/snapshot-reply.ts';
import type { Progress, ProgressState } from './progress.ts';
import type { MemberId } from './types.ts';
import { SNAPSHOT_CHUNK_BYTES } from './types.ts';

export function sendSnapshotChunk(
  core: RaftCore,
  to: MemberId,
  state: Extract<ProgressState, { kind: 'snapshot' }>,
): void {
  const { snapshot, nextOffset: offset } = state;
  core.send(to, {
    kind: 'snapshot-chunk',
    index: snapshot.index,
    entryTerm: snapshot.term,
    members: snapshot.members,
    totalBytes: snapshot.data.length,
    offset,
    data: snapshot.data.subarray(offset, offset + SNAPSHOT_CHUNK_BYTES),
  });
}

/** Leader. A reply to an older chunk moves nothing; one with offset 0 (the follower restarted) starts again. */
export function stepSnapshotReply(
  core: RaftCore,
  from: MemberId,
  progress: Progress,
  body: SnapshotReply,
): void {
  const { state } = progress;
  if (state.kind !== 'snapshot' || state.snapshot.index !== body.index) return;
  if (body.nextOffset === state.nextOffset || body.nextOffset > state.snapshot.data.length) return;
  state.nextOffset = body.nextOffset;
  sendSnapshotChunk(core, from, state);
}

/** Follower. */
export function stepSnapshotChunk(core: RaftCore, message: Message, body: SnapshotChunk): void {
  if (body.index <= core.log.committed) {
    confirm(core, message.from, core.log.committed);
    return;
  }
  const incoming = collect(core, message.from, body);
  if (incoming.receivedBytes < body.totalBytes) {
    core.send(message.from, {
      kind: 'snapshot-reply',
      index: body.index,
      nextOffset: incoming.receivedBytes,
    });
    return;
  }
  core.incoming = undefined;
  install(core, body, Buffer.concat(incoming.chunks));
  confirm(core, message.from, body.index);
}

function collect(core: RaftCore, from: MemberId, body: SnapshotChunk): NonNullable<RaftCore['incoming']> {
  let { incoming } = core;
  if (incoming?.from !== from || incoming.index !== body.index || incoming.term !== body.entryTerm)
    incoming = { from, index: body.index, term: body.entryTerm, chunks: [], receivedBytes: 0 };
  if (body.offset === incoming.receivedBytes) {
    incoming.chunks.push(body.data);
    incoming.receivedBytes += body.data.length;
  }
  core.incoming = incoming;
  return incoming;
}

/** If our log already holds the snapshot's last entry, all before it is the same: it only has to be committed. */
function install(core: RaftCore, body: SnapshotChunk, data: Buffer): void {
  if (core.log.termAt(body.index) === body.entryTerm) {
    core.log.commitTo(body.index);
    return;
  }
  assert(data.length === body.totalBytes, 'a complete snapshot has its whole length');
  const snapshot = { index: body.index, term: body.entryTerm, members: body.members, data };
  core.log.install(snapshot);
  core.snapshotToPersist = snapshot;
  core.snapshotToApply = snapshot;
}

function confirm(core: RaftCore, to: MemberId, index: number): void {
  core.sendAfterPersist(to, { kind: 'append-reply', ok: true, index, hintIndex: 0, hintTerm: 0 });
}
