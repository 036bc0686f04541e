import type { BlockStore, StoreDone, StoreError } from '@eterne/runtime';

const DETACHED: StoreError = { kind: 'device', errno: 'ENODEV', message: 'the disk is detached' };

/** Stands where a disk was until another is attached: whatever is asked of it fails. */
export function noStore(sizeBytes: number): BlockStore {
  const fail = (done: StoreDone): void => done(DETACHED);
  return {
    sizeBytes,
    canPunch: false,
    read: (_offset, _into, done) => fail(done),
    write: (_offset, _from, done) => fail(done),
    flush: fail,
    discard: (_offset, _lengthBytes, done) => fail(done),
    writeZeroes: (_offset, _lengthBytes, _mayPunch, done) => fail(done),
    close: (done) => done(),
  };
}
