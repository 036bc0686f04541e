/**
 * Members that were left out: this node went on by an operator's word without what they may have decided (`eterne node confirm-stopped --accept-loss`). Their logs and this
 * one are two histories, which Raft cannot tell from one: it takes what is committed here to be what is committed there. So nothing is told them but that, and nothing of them
 * believed, for good, also when the tie-breaker, or the other, is no member any more. Their nodes join anew, as other members.
 *
 *     kind u8 = 201, atMs u64      in the place of every message to one of them, and the answer to every one of theirs
 *
 * Programs that do not know it drop it; they hear nothing else. Whoever is left out gives the tie-breaker up. Where both left each other out the later word stays.
 */
import { ByteReader, ByteWriter } from '../codec.ts';
import type { MemberId } from '../types.ts';

export interface Barred {
  readonly id: MemberId;
  /** When the word was given, by the wall clock of who went on. */
  readonly atMs: number;
}

export const BARRED_MAX = 64;

/** No message of Raft is of this kind. */
const NOTICE = 201;

export const isNotice = (bytes: Buffer): boolean => bytes[0] === NOTICE;

export function encodeNotice(atMs: number): Buffer {
  return new ByteWriter().u8(NOTICE).u64(atMs).finish();
}

/** When the word was given. Throws `corrupt` for what is no notice. */
export function decodeNotice(bytes: Buffer): number {
  const reader = new ByteReader(bytes.subarray(1));
  const atMs = reader.u64();
  reader.end();
  return atMs;
}

/** Which of two words stays: the later one; of equals that of whose name comes first. */
export interface Word {
  readonly by: MemberId;
  readonly atMs: number;
}

export function isLater(word: Word, other: Word): boolean {
  return word.atMs === other.atMs ? word.by < other.by : word.atMs > other.atMs;
}
