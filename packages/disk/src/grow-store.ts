/** Room at the end of a store: of its data, and of its metadata. */
import { inPieces, type BlockStore, type StoreDone } from '@eterne/runtime';

/** Of zeroing at once: a device that zeroes by writing must be through within its timeout. */
const ZERO_PIECE_BYTES = 256 * 1024 * 1024;

/** The store is at least `endBytes` long and reads as zeroes from `startBytes` on, durably. */
export function makeRoom(store: BlockStore, startBytes: number, endBytes: number, done: StoreDone): void {
  if (endBytes <= startBytes) return done(undefined);
  lengthen(store, endBytes, (error) => {
    if (error !== undefined) return done(error);
    zero(store, startBytes, endBytes, (zeroError) => {
      if (zeroError === undefined) store.flush(done);
      else done(zeroError);
    });
  });
}

/** Errors: `ENOSPC` where it cannot become so long. */
export function lengthen(store: BlockStore, sizeBytes: number, done: StoreDone): void {
  if (store.sizeBytes >= sizeBytes) return done(undefined);
  if (store.grow !== undefined) return store.grow(sizeBytes, done);
  const message = `its store has ${store.sizeBytes} bytes, ${sizeBytes} are needed, and it cannot become larger while it is open`;
  done({ kind: 'logical', errno: 'ENOSPC', message });
}

/** Holes stay as they are. */
function zero(store: BlockStore, startBytes: number, endBytes: number, done: StoreDone): void {
  if (startBytes >= endBytes) return done(undefined);
  nextExtent(store, startBytes, endBytes, (end, isHole) => {
    const goOn: StoreDone = (error) => (error === undefined ? zero(store, end, endBytes, done) : done(error));
    if (isHole) return goOn(undefined);
    inPieces(
      startBytes,
      end,
      ZERO_PIECE_BYTES,
      (offset, lengthBytes, next) => store.writeZeroes(offset, lengthBytes, true, next),
      goOn,
    );
  });
}

/** Where the stretch that begins at `startBytes` ends. What cannot be told is no hole. */
function nextExtent(
  store: BlockStore,
  startBytes: number,
  endBytes: number,
  done: (endBytes: number, isHole: boolean) => void,
): void {
  if (store.nextExtent === undefined) return done(endBytes, false);
  store.nextExtent(startBytes, (error, { allocated, lengthBytes }) =>
    done(Math.min(endBytes, startBytes + lengthBytes), error === undefined && !allocated),
  );
}
