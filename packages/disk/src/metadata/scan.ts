import { MIB } from '@eterne/base';
import type { BlockStore, StoreDone } from '@eterne/runtime';

const CHUNK_BYTES = MIB;

/** Reads a range front to back in 1 MiB pieces (valid during the call) until its end or until `visit` returns false. */
export function scan(
  store: BlockStore,
  offset: number,
  lengthBytes: number,
  visit: (bytes: Buffer) => boolean,
  done: StoreDone,
): void {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, lengthBytes));
  const end = offset + lengthBytes;
  const readFrom = (start: number): void => {
    let at = start;
    // A loop as long as the store calls back at once; recursion would be as deep as the range is long.
    for (let answeredAtOnce = true; answeredAtOnce;) {
      const piece = chunk.subarray(0, Math.min(CHUNK_BYTES, end - at));
      let returned = false;
      answeredAtOnce = false;
      store.read(at, piece, (error) => {
        at += piece.length;
        if (error !== undefined || !visit(piece) || at === end) done(error);
        else if (returned) readFrom(at);
        else answeredAtOnce = true;
      });
      returned = true;
    }
  };
  readFrom(offset);
}
