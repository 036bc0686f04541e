/** "Of the snapshot at `index` I hold the first `nextOffset` bytes: go on from there." `index u64, nextOffset u32` */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex } from '../types.ts';

export interface SnapshotReply {
  readonly kind: 'snapshot-reply';
  readonly index: LogIndex;
  readonly nextOffset: number;
}

export function writeSnapshotReply(message: SnapshotReply, to: ByteWriter): void {
  to.u64(message.index).u32(message.nextOffset);
}

export function readSnapshotReply(from: ByteReader): SnapshotReply {
  return { kind: 'snapshot-reply', index: from.u64(), nextOffset: from.u32() };
}
