import { assert } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';

/** A part of a store as a store of its own, from byte `start` on. `released` is called when it is closed. */
class RegionStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch: boolean;
  readonly nextExtent?: (
    offset: number,
    done: (error: StoreError | undefined, extent: Extent) => void,
  ) => void;
  readonly #whole: BlockStore;
  readonly #start: number;
  readonly #released: (done: () => void) => void;

  constructor(whole: BlockStore, start: number, sizeBytes: number, released: (done: () => void) => void) {
    this.#whole = whole;
    this.#start = start;
    this.#released = released;
    this.sizeBytes = sizeBytes;
    this.canPunch = whole.canPunch;
    if (whole.nextExtent !== undefined)
      this.nextExtent = (offset, done) => {
        const rest = sizeBytes - offset;
        whole.nextExtent?.(start + offset, (error, { allocated, lengthBytes }) =>
          done(error, { allocated, lengthBytes: Math.min(lengthBytes, rest) }),
        );
      };
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#whole.read(this.#at(offset, into.length), into, done);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#whole.write(this.#at(offset, from.length), from, done);
  }

  flush(done: StoreDone): void {
    this.#whole.flush(done);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.#whole.discard(this.#at(offset, lengthBytes), lengthBytes, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#whole.writeZeroes(this.#at(offset, lengthBytes), lengthBytes, mayPunch, done);
  }

  close(done: () => void): void {
    this.#released(done);
  }

  #at(offset: number, lengthBytes: number): number {
    assert(offset >= 0 && offset + lengthBytes <= this.sizeBytes, 'access within the region');
    return this.#start + offset;
  }
}

export interface Region {
  readonly start: number;
  readonly sizeBytes: number;
}

/** Two regions of one store, which is closed when both are. */
export function splitStore(
  whole: BlockStore,
  first: Region,
  second: Region,
): readonly [BlockStore, BlockStore] {
  let open = 2;
  const released = (done: () => void): void => {
    open -= 1;
    if (open > 0) done();
    else whole.close(done);
  };
  return [
    new RegionStore(whole, first.start, first.sizeBytes, released),
    new RegionStore(whole, second.start, second.sizeBytes, released),
  ];
}
