import { assert } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';

export interface Region {
  readonly start: number;
  readonly sizeBytes: number;
}

export interface RegionParts {
  readonly whole: BlockStore;
  /** Asked whenever it matters: it may move and grow between two requests. */
  readonly region: () => Region;
  readonly grow: (sizeBytes: number, done: StoreDone) => void;
  readonly close: (done: () => void) => void;
}

/** A part of a store as a store of its own. */
export class RegionStore implements BlockStore {
  readonly canPunch: boolean;
  readonly nextExtent?: (
    offset: number,
    done: (error: StoreError | undefined, extent: Extent) => void,
  ) => void;
  readonly #parts: RegionParts;

  constructor(parts: RegionParts) {
    const { whole } = parts;
    this.#parts = parts;
    this.canPunch = whole.canPunch;
    if (whole.nextExtent !== undefined)
      this.nextExtent = (offset, done) => {
        const rest = this.sizeBytes - offset;
        whole.nextExtent?.(this.#at(offset, 0), (error, { allocated, lengthBytes }) =>
          done(error, { allocated, lengthBytes: Math.min(lengthBytes, rest) }),
        );
      };
  }

  get sizeBytes(): number {
    return this.#parts.region().sizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#parts.whole.read(this.#at(offset, into.length), into, done);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#parts.whole.write(this.#at(offset, from.length), from, done);
  }

  flush(done: StoreDone): void {
    this.#parts.whole.flush(done);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.#parts.whole.discard(this.#at(offset, lengthBytes), lengthBytes, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#parts.whole.writeZeroes(this.#at(offset, lengthBytes), lengthBytes, mayPunch, done);
  }

  grow(sizeBytes: number, done: StoreDone): void {
    this.#parts.grow(sizeBytes, done);
  }

  close(done: () => void): void {
    this.#parts.close(done);
  }

  #at(offset: number, lengthBytes: number): number {
    const { start, sizeBytes } = this.#parts.region();
    assert(offset >= 0 && offset + lengthBytes <= sizeBytes, 'access within the region');
    return start + offset;
  }
}
