import type { BlockStore } from '@eterne/runtime';

/** A store that holds nothing, reads as zeroes, and answers at once. */
export function nullStore(sizeBytes: number): BlockStore {
  return {
    sizeBytes,
    canPunch: true,
    read: (_offset, into, done) => {
      into.fill(0);
      done(undefined);
    },
    write: (_offset, _from, done) => done(undefined),
    flush: (done) => done(undefined),
    discard: (_offset, _lengthBytes, done) => done(undefined),
    writeZeroes: (_offset, _lengthBytes, _mayPunch, done) => done(undefined),
    close: (done) => done(),
  };
}
