/** An entry without its index: `term u64, kind u8 (0 noop, 1 command, 2 members), data bytes`. */
import type { ByteReader, ByteWriter } from './codec.ts';
import { malformed } from './codec.ts';
import { decodeMembers } from './members.ts';
import type { Entry, EntryKind, LogIndex } from './types.ts';
import { ENTRY_MAX_BYTES } from './types.ts';

const KINDS: readonly EntryKind[] = ['noop', 'command', 'members'];

export function writeEntryBody(entry: Entry, to: ByteWriter): void {
  to.u64(entry.term).u8(KINDS.indexOf(entry.kind)).bytes(entry.data);
}

export function readEntryBody(index: LogIndex, from: ByteReader): Entry {
  const term = from.u64();
  const kindNumber = from.u8();
  const kind = KINDS[kindNumber];
  if (kind === undefined) throw malformed(`entry kind ${kindNumber}`);
  const data = from.bytes(ENTRY_MAX_BYTES);
  if (kind === 'members') decodeMembers(data);
  return { index, term, kind, data };
}
