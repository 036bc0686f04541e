/** Long ranges reach the device in pieces, one after the other, so that none of them holds it up. */
import type { DeviceDone } from '@eterne/runtime';
import { MAX_RANGE_BYTES } from '../../limits.ts';

export function inPieces(
  start: number,
  end: number,
  piece: (offset: number, lengthBytes: number, done: DeviceDone) => void,
  done: DeviceDone,
): void {
  if (start === end) return done(undefined);
  const lengthBytes = Math.min(MAX_RANGE_BYTES, end - start);
  piece(start, lengthBytes, (error) => {
    if (error !== undefined) return done(error);
    inPieces(start + lengthBytes, end, piece, done);
  });
}
