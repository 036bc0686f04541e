import { MIB } from '@eterne/base';
import type { BlockStore, StoreDone } from '@eterne/runtime';

const CHUNK_BYTES = MIB;

export interface Stretch {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Reads stretches one after the other, each in pieces of 1 MiB (valid during the call), to the end or until `visit` returns false. */
export function scanAll(
  store: BlockStore,
  stretches: readonly Stretch[],
  visit: (bytes: Buffer) => boolean,
  done: StoreDone,
): void {
  const longestBytes = stretches.reduce((longest, { lengthBytes }) => Math.max(longest, lengthBytes), 0);
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, longestBytes));
  const readFrom = (startIndex: number, startBytes: number): void => {
    let index = startIndex;
    let read = startBytes;
    // A loop as long as the store calls back at once; recursion would be as deep as the list is long.
    for (let answeredAtOnce = true; answeredAtOnce;) {
      const stretch = stretches[index];
      if (stretch === undefined) return done(undefined);
      const piece = chunk.subarray(0, Math.min(CHUNK_BYTES, stretch.lengthBytes - read));
      let returned = false;
      answeredAtOnce = false;
      store.read(stretch.offset + read, piece, (error) => {
        read += piece.length;
        if (read === stretch.lengthBytes) [index, read] = [index + 1, 0];
        if (error !== undefined || !visit(piece)) done(error);
        else if (returned) readFrom(index, read);
        else answeredAtOnce = true;
      });
      returned = true;
    }
  };
  readFrom(0, 0);
}
