/** A plain store as the device of a logical unit: no mirror, no term. */
import type { BlockDevice, BlockStore, DeviceDone, DeviceErrorCode, StoreError } from '@eterne/runtime';

export function storeDevice(name: string, store: BlockStore, readOnly: boolean): BlockDevice {
  return {
    name,
    sizeBytes: store.sizeBytes,
    readOnly,
    term: 0,
    read(offset, lengthBytes, done) {
      const data = Buffer.allocUnsafeSlow(lengthBytes);
      store.read(offset, data, (error) => done(codeOf(error), data));
    },
    readInto: (offset, into, done) => store.read(offset, into, (error) => done(codeOf(error))),
    write(offset, data, fua, done) {
      store.write(offset, data, (error) => finish(store, error, fua, done));
    },
    flush: (done) => store.flush((error) => done(codeOf(error))),
    discard: (offset, lengthBytes, done) =>
      store.discard(offset, lengthBytes, (error) => done(codeOf(error))),
    writeZeroes(offset, lengthBytes, mayPunch, fua, done) {
      store.writeZeroes(offset, lengthBytes, mayPunch, (error) => finish(store, error, fua, done));
    },
    ...(store.nextExtent === undefined
      ? {}
      : {
          nextExtent: (offset, done) =>
            store.nextExtent?.(offset, (error, extent) => done(codeOf(error), extent)),
        }),
  };
}

function finish(store: BlockStore, error: StoreError | undefined, fua: boolean, done: DeviceDone): void {
  if (error !== undefined || !fua) return done(codeOf(error));
  store.flush((flushError) => done(codeOf(flushError)));
}

function codeOf(error: StoreError | undefined): DeviceErrorCode | undefined {
  if (error === undefined) return undefined;
  switch (error.kind) {
    case 'timeout':
      return 'ETIMEDOUT';
    case 'reservation-conflict':
      return 'ESHUTDOWN';
    case 'logical':
      return error.errno === 'ENOSPC' ? 'ENOSPC' : 'EIO';
    case 'sector':
    case 'device':
      return 'EIO';
  }
}
