/**
 * Answer to an append, and to the last chunk of a snapshot; leaves only after what it confirms is on disk.
 * `ok u8, index u64, hintIndex u64, hintTerm u64`
 */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex, RaftTerm } from '../types.ts';

export interface AppendReply {
  readonly kind: 'append-reply';
  readonly ok: boolean;
  /** ok: this log equals the leader's up to here. Not ok: the `prevIndex` that did not match. */
  readonly index: LogIndex;
  /** Not ok: where the logs may begin to agree. */
  readonly hintIndex: LogIndex;
  readonly hintTerm: RaftTerm;
}

export function writeAppendReply(message: AppendReply, to: ByteWriter): void {
  to.u8(message.ok ? 1 : 0)
    .u64(message.index)
    .u64(message.hintIndex)
    .u64(message.hintTerm);
}

export function readAppendReply(from: ByteReader): AppendReply {
  return {
    kind: 'append-reply',
    ok: from.flag(),
    index: from.u64(),
    hintIndex: from.u64(),
    hintTerm: from.u64(),
  };
}
