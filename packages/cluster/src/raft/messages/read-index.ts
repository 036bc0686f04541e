/** A follower asks for the index that a linearizable read must see (thesis §6.4). `context u64`: the asker's own number. */
import type { ByteReader, ByteWriter } from '../codec.ts';

export interface ReadIndex {
  readonly kind: 'read-index';
  readonly context: number;
}

export function writeReadIndex(message: ReadIndex, to: ByteWriter): void {
  to.u64(message.context);
}

export function readReadIndex(from: ByteReader): ReadIndex {
  return { kind: 'read-index', context: from.u64() };
}
