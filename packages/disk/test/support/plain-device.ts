/** Block devices without a mirror behind them: a plain store, and one that keeps nothing (for benchmarks of the front end). */
import type { BlockDevice, BlockStore, DeviceErrorCode, StoreDone, StoreError } from '@eterne/runtime';

const deviceError = (error: StoreError | undefined): DeviceErrorCode | undefined =>
  error === undefined ? undefined : error.errno === 'ENOSPC' ? 'ENOSPC' : 'EIO';

export function plainDevice(name: string, store: BlockStore): BlockDevice {
  const flushAfter =
    (fua: boolean, done: (error: DeviceErrorCode | undefined) => void): StoreDone =>
    (error) =>
      error === undefined && fua
        ? store.flush((flushError) => done(deviceError(flushError)))
        : done(deviceError(error));
  return {
    name,
    sizeBytes: store.sizeBytes,
    readOnly: false,
    term: 1,
    read(offset, lengthBytes, done) {
      const data = Buffer.allocUnsafeSlow(lengthBytes);
      store.read(offset, data, (error) => done(deviceError(error), data));
    },
    write: (offset, data, fua, done) => store.write(offset, data, flushAfter(fua, done)),
    flush: (done) => store.flush((error) => done(deviceError(error))),
    ...(store.nextExtent === undefined
      ? {}
      : {
          nextExtent: (offset, done) =>
            store.nextExtent?.(offset, (error, extent) => done(deviceError(error), extent)),
        }),
    discard: (offset, lengthBytes, done) =>
      store.discard(offset, lengthBytes, (error) => done(deviceError(error))),
    writeZeroes: (offset, lengthBytes, mayPunch, fua, done) =>
      store.writeZeroes(offset, lengthBytes, mayPunch, flushAfter(fua, done)),
  };
}

export function nullDevice(name: string, sizeBytes: number): BlockDevice {
  const zeroes = Buffer.alloc(32 * 1024 * 1024);
  return {
    name,
    sizeBytes,
    readOnly: false,
    term: 1,
    read: (_offset, lengthBytes, done) => done(undefined, zeroes.subarray(0, lengthBytes)),
    write: (_offset, _data, _fua, done) => done(undefined),
    flush: (done) => done(undefined),
    discard: (_offset, _lengthBytes, done) => done(undefined),
    writeZeroes: (_offset, _lengthBytes, _mayPunch, _fua, done) => done(undefined),
  };
}
