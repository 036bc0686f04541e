/**
 * AppendEntries (thesis §3.5): the entries after (`prevIndex`, `prevTerm`).
 * `prevIndex u64, prevTerm u64, commit u64, count u32, count × entry`; an entry is `term u64, kind u8, data bytes`, its index follows from its place.
 */
import type { ByteReader, ByteWriter } from '../codec.ts';
import { malformed } from '../codec.ts';
import { readEntryBody, writeEntryBody } from '../entry-codec.ts';
import type { Entry, LogIndex, RaftTerm } from '../types.ts';
import { APPEND_MAX_ENTRIES } from '../types.ts';

export interface Append {
  readonly kind: 'append';
  readonly prevIndex: LogIndex;
  readonly prevTerm: RaftTerm;
  /** The leader's commit index. */
  readonly commit: LogIndex;
  readonly entries: readonly Entry[];
}

export function writeAppend(message: Append, to: ByteWriter): void {
  to.u64(message.prevIndex).u64(message.prevTerm).u64(message.commit).u32(message.entries.length);
  for (const entry of message.entries) writeEntryBody(entry, to);
}

export function readAppend(from: ByteReader): Append {
  const prevIndex = from.u64();
  const prevTerm = from.u64();
  const commit = from.u64();
  const count = from.u32();
  if (count > APPEND_MAX_ENTRIES) throw malformed(`${count} entries in one append`);
  const entries: Entry[] = [];
  for (let i = 1; i <= count; i += 1) entries.push(readEntryBody(prevIndex + i, from));
  return { kind: 'append', prevIndex, prevTerm, commit, entries };
}
