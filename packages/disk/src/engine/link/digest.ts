import { hash } from 'node:crypto';
import { isZero } from '../../metadata/zero.ts';

/** Pieces are whole blocks of at most 256 KiB, and one of a volume's end. */
const LENGTHS_MAX = 128;
const ofZeroes = new Map<number, Buffer>();

/** SHA-256 of a piece. Most of a young volume is zeroes: theirs is kept by length, and looking whether a piece is one costs next to nothing. Not to be changed. */
export function digestOf(data: Buffer): Buffer {
  if (!isZero(data)) return hash('sha256', data, 'buffer');
  const known = ofZeroes.get(data.length);
  if (known !== undefined) return known;
  const digest = hash('sha256', data, 'buffer');
  if (ofZeroes.size === LENGTHS_MAX) ofZeroes.clear();
  ofZeroes.set(data.length, digest);
  return digest;
}
