/**
 * InstallSnapshot (thesis §5.3) in pieces, one at a time: the follower asks for the next by its reply.
 * `index u64, term u64, members bytes, totalBytes u32, offset u32, data bytes`
 */
import type { ByteReader, ByteWriter } from '../codec.ts';
import { malformed } from '../codec.ts';
import type { Members } from '../members.ts';
import { decodeMembers, encodeMembers } from '../members.ts';
import type { LogIndex, RaftTerm } from '../types.ts';
import { SNAPSHOT_CHUNK_BYTES, SNAPSHOT_MAX_BYTES } from '../types.ts';

export interface SnapshotChunk {
  readonly kind: 'snapshot-chunk';
  /** The snapshot covers the log up to this entry. */
  readonly index: LogIndex;
  readonly entryTerm: RaftTerm;
  readonly members: Members;
  readonly totalBytes: number;
  readonly offset: number;
  readonly data: Buffer;
}

const MEMBERS_MAX_BYTES = 8192;

export function writeSnapshotChunk(message: SnapshotChunk, to: ByteWriter): void {
  to.u64(message.index)
    .u64(message.entryTerm)
    .bytes(encodeMembers(message.members))
    .u32(message.totalBytes)
    .u32(message.offset)
    .bytes(message.data);
}

export function readSnapshotChunk(from: ByteReader): SnapshotChunk {
  const index = from.u64();
  const entryTerm = from.u64();
  const members = decodeMembers(from.bytes(MEMBERS_MAX_BYTES));
  const totalBytes = from.u32();
  const offset = from.u32();
  const data = from.bytes(SNAPSHOT_CHUNK_BYTES);
  if (totalBytes > SNAPSHOT_MAX_BYTES || offset + data.length > totalBytes)
    throw malformed('a snapshot chunk beyond the end');
  return { kind: 'snapshot-chunk', index, entryTerm, members, totalBytes, offset, data };
}
