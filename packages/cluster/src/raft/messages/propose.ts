/** A follower hands a command on to the leader. Nothing answers it: the command is done when it is applied. `data bytes` */
import type { ByteReader, ByteWriter } from '../codec.ts';
import { ENTRY_MAX_BYTES } from '../types.ts';

export interface Propose {
  readonly kind: 'propose';
  readonly data: Buffer;
}

export function writePropose(message: Propose, to: ByteWriter): void {
  to.bytes(message.data);
}

export function readPropose(from: ByteReader): Propose {
  return { kind: 'propose', data: from.bytes(ENTRY_MAX_BYTES) };
}
