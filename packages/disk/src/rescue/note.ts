/**
 * What a point's `begin` record tells of it, in the fields of the mirror protocol:
 * `peer text · reason text · wall clock, ms u64 · crashed primary u8 · generations (as in RESYNC_NAMES)`.
 */
import { EterneError } from '@eterne/base';
import type { Generations } from '../metadata/index.ts';
import { FieldReader, FieldWriter } from '../protocol/fields.ts';
import { readName } from '../protocol/messages/common.ts';
import { readGenerations, writeGenerations } from '../protocol/messages/resync-names.ts';

const MAX_REASON_BYTES = 255;

export interface PointNote {
  /** The source of the copy. */
  readonly peer: string;
  readonly reason: string;
  readonly begunAtWallMs: number;
  /** The replica as it was, for taking it back. */
  readonly before: { readonly crashedPrimary: boolean; readonly generations: Generations };
}

export function encodeNote({ peer, reason, begunAtWallMs, before }: PointNote): Buffer {
  const into = new FieldWriter().text(peer).text(cut(reason)).uint64(begunAtWallMs);
  into.byte(Number(before.crashedPrimary));
  writeGenerations(into, before.generations);
  return into.finish();
}

/** Undefined when it is none. */
export function decodeNote(bytes: Buffer): PointNote | undefined {
  try {
    const from = new FieldReader(bytes);
    const [peer, reason, begunAtWallMs] = [readName(from), from.text(MAX_REASON_BYTES), from.uint64()];
    const before = { crashedPrimary: from.flag(), generations: readGenerations(from) };
    from.finish();
    return { peer, reason, begunAtWallMs, before };
  } catch (error) {
    if (error instanceof EterneError) return undefined;
    throw error;
  }
}

/** To what fits, at a whole character. */
function cut(text: string): string {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
}
