import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { GIB, KIB } from '@eterne/base';
import { BitmapDriver, PAGES_PER_ROUND } from '../../src/metadata/bitmap-driver.ts';
import { Committer } from '../../src/metadata/committer.ts';
import { BLOCKS_PER_PAGE, layoutOf } from '../../src/metadata/layout.ts';
import type { BlockStore, StoreDone } from '@eterne/runtime';

/** 600 pages: more than two rounds. */
const VOLUME_BYTES = 600 * BLOCKS_PER_PAGE * 4 * KIB;

/** Keeps nothing: the metadata of so large a volume would take much memory. Answers when its turn in `deferred` comes. */
class ForgetfulStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch = true;
  readonly #deferred: (() => void)[];
  flushes = 0;

  constructor(sizeBytes: number, deferred: (() => void)[]) {
    this.sizeBytes = sizeBytes;
    this.#deferred = deferred;
  }

  read(_offset: number, into: Buffer, done: StoreDone): void {
    into.fill(0);
    this.#answer(done);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    assert.ok(offset + from.length <= this.sizeBytes);
    this.#answer(done);
  }

  flush(done: StoreDone): void {
    this.#answer(() => {
      this.flushes += 1;
      done(undefined);
    });
  }

  discard(_offset: number, _lengthBytes: number, done: StoreDone): void {
    this.#answer(done);
  }

  writeZeroes(_offset: number, _lengthBytes: number, _mayPunch: boolean, done: StoreDone): void {
    this.#answer(done);
  }

  close(done: () => void): void {
    done();
  }

  #answer(done: StoreDone): void {
    this.#deferred.push(() => done(undefined));
  }
}

interface Bench {
  readonly bitmap: BitmapDriver;
  readonly store: ForgetfulStore;
  readonly deferred: (() => void)[];
  readonly settle: () => void;
}

function bench(): Bench {
  const deferred: (() => void)[] = [];
  const layout = layoutOf(VOLUME_BYTES);
  const store = new ForgetfulStore(layout.totalBytes, deferred);
  const committer = new Committer(store);
  const bitmap = new BitmapDriver('b', 0, layout, 'replica', () => committer.request());
  committer.add({
    collect: () => bitmap.collect(),
    written: () => bitmap.written(),
    failed: () => assert.fail('no failure here'),
  });
  const settle = (): void => {
    while (deferred.length > 0) deferred.shift()?.();
  };
  return { bitmap, store, deferred, settle };
}

function persist(bitmap: BitmapDriver): { done: boolean } {
  const state = { done: false };
  bitmap.persist((error) => {
    assert.equal(error, undefined);
    state.done = true;
  });
  return state;
}

describe('BitmapDriver', () => {
  it('answers only when durable, also a call that finds everything already on its way', () => {
    const { bitmap, settle } = bench();
    bitmap.markDirty(0, 1);
    const first = persist(bitmap);
    const second = persist(bitmap);
    assert.deepEqual([first.done, second.done, bitmap.needsPersist], [false, false, true]);
    settle();
    assert.deepEqual([first.done, second.done, bitmap.needsPersist], [true, true, false]);
    assert.equal(persist(bitmap).done, true, 'nothing to do');
  });

  it('writes what changed during a round in the next one', () => {
    const { bitmap, store, deferred, settle } = bench();
    bitmap.markDirty(0, 1);
    const first = persist(bitmap);
    bitmap.markDirty(8 * KIB, 1);
    const second = persist(bitmap);
    deferred.shift()?.();
    deferred.shift()?.();
    assert.deepEqual([first.done, second.done], [true, false]);
    settle();
    assert.equal(second.done, true);
    assert.equal(store.flushes, 2);
  });

  it('writes a large bitmap in bounded rounds', () => {
    const { bitmap, store, settle } = bench();
    bitmap.markAll();
    const all = persist(bitmap);
    settle();
    assert.equal(all.done, true);
    assert.equal(store.flushes, Math.ceil(600 / PAGES_PER_ROUND));
    assert.ok(bitmap.dirtyBytes > 70 * GIB);
  });
});
