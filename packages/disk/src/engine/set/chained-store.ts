import { assert } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import { lengthen } from '../../grow-store.ts';
import { probe } from '../disk/probe.ts';

/** A store and where it begins. Each ends where the next begins, the last one where it ends itself. */
export interface ChainedPart {
  readonly start: number;
  readonly store: BlockStore;
}

/** What to do with a part of a request: `at` is where it is in its store, `from` where in the request. */
type Act = (store: BlockStore, at: number, lengthBytes: number, from: number, done: StoreDone) => void;

/**
 * Several stores one behind the other as one. A flush is a flush of all: only so is an epoch of writes one of the whole set. They fail together, too: a store
 * that answers no probe is a failed device, though the others are well.
 */
export class ChainedStore implements BlockStore {
  readonly canPunch: boolean;
  readonly #parts: readonly ChainedPart[];

  constructor(parts: readonly ChainedPart[]) {
    assert(parts.length > 0 && parts[0]?.start === 0, 'the first store begins at the beginning');
    this.#parts = parts;
    this.canPunch = parts.every(({ store }) => store.canPunch);
  }

  get sizeBytes(): number {
    const { start, store } = this.#last;
    return start + store.sizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#each(offset, into.length, done, (store, at, lengthBytes, from, next) =>
      store.read(at, into.subarray(from, from + lengthBytes), next),
    );
  }

  write(offset: number, data: Buffer, done: StoreDone): void {
    this.#each(offset, data.length, done, (store, at, lengthBytes, from, next) =>
      store.write(at, data.subarray(from, from + lengthBytes), next),
    );
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.#each(offset, lengthBytes, done, (store, at, partBytes, _from, next) =>
      store.discard(at, partBytes, next),
    );
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#each(offset, lengthBytes, done, (store, at, partBytes, _from, next) =>
      store.writeZeroes(at, partBytes, mayPunch, next),
    );
  }

  flush(done: StoreDone): void {
    this.#all((store, finished) => store.flush(finished), done);
  }

  close(done: () => void): void {
    this.#all(
      (store, finished) => store.close(() => finished(undefined)),
      () => done(),
    );
  }

  grow(sizeBytes: number, done: StoreDone): void {
    const { start, store } = this.#last;
    lengthen(store, sizeBytes - start, done);
  }

  /** Where a store cannot tell, all of it counts as allocated. */
  nextExtent(offset: number, done: (error: StoreError | undefined, extent: Extent) => void): void {
    const { end, part } = this.#at(offset);
    const rest = end - offset;
    if (part.store.nextExtent === undefined) return done(undefined, { lengthBytes: rest, allocated: true });
    part.store.nextExtent(offset - part.start, (error, { allocated, lengthBytes }) =>
      done(error, { allocated, lengthBytes: Math.min(lengthBytes, rest) }),
    );
  }

  get #last(): ChainedPart {
    return this.#parts.at(-1) as ChainedPart;
  }

  #at(offset: number): { readonly part: ChainedPart; readonly end: number } {
    const after = this.#parts.findIndex(({ start }) => start > offset);
    const index = after < 0 ? this.#parts.length - 1 : after - 1;
    return { part: this.#parts[index] as ChainedPart, end: this.#parts[index + 1]?.start ?? this.sizeBytes };
  }

  /** Part by part, up to the first error. Most requests have one. */
  #each(offset: number, lengthBytes: number, done: StoreDone, act: Act, from = 0): void {
    const { end, part } = this.#at(offset + from);
    const partBytes = Math.min(lengthBytes - from, end - offset - from);
    assert(partBytes > 0, 'access within the chained stores');
    act(part.store, offset + from - part.start, partBytes, from, (error) => {
      if (error?.kind === 'sector') return this.#judge(part.store, error, done);
      const next = from + partBytes;
      if (error !== undefined || next === lengthBytes) done(error);
      else this.#each(offset, lengthBytes, done, act, next);
    });
  }

  #judge(store: BlockStore, error: StoreError, done: StoreDone): void {
    probe(store, (isAlive) => done(isAlive ? error : { ...error, kind: 'device' }));
  }

  #all(act: (store: BlockStore, finished: StoreDone) => void, done: StoreDone): void {
    let unfinished = this.#parts.length;
    let first: StoreError | undefined;
    for (const { store } of this.#parts)
      act(store, (error) => {
        first ??= error;
        unfinished -= 1;
        if (unfinished === 0) done(first);
      });
  }
}
