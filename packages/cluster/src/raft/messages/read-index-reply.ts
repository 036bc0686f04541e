/** Everything committed before the question is at or below `index`. `context u64, index u64` */
import type { ByteReader, ByteWriter } from '../codec.ts';
import type { LogIndex } from '../types.ts';

export interface ReadIndexReply {
  readonly kind: 'read-index-reply';
  readonly context: number;
  readonly index: LogIndex;
}

export function writeReadIndexReply(message: ReadIndexReply, to: ByteWriter): void {
  to.u64(message.context).u64(message.index);
}

export function readReadIndexReply(from: ByteReader): ReadIndexReply {
  return { kind: 'read-index-reply', context: from.u64(), index: from.u64() };
}
