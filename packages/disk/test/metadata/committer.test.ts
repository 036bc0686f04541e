import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import type { RoundSource } from '../../src/metadata/committer.ts';
import { Committer } from '../../src/metadata/committer.ts';
import { PAGE_BYTES } from '../../src/metadata/layout.ts';
import { CrashStore } from './crash-store.ts';

/** Writes a page whenever it was asked to; fails the test when a round begins before it heard of the last one. */
class Source implements RoundSource {
  wanted = false;
  rounds = 0;
  errors = 0;
  onWritten: () => void = () => {};
  #isWriting = false;
  readonly #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  collect(): { offset: number; bytes: Buffer }[] {
    if (!this.wanted) return [];
    assert.equal(this.#isWriting, false, 'the last round was answered');
    this.wanted = false;
    this.#isWriting = true;
    return [{ offset: this.#offset, bytes: Buffer.alloc(PAGE_BYTES, 1) }];
  }

  written(): void {
    this.#isWriting = false;
    this.rounds += 1;
    this.onWritten();
  }

  failed(): void {
    this.errors += 1;
  }
}

function bench(): {
  store: CrashStore;
  deferred: (() => void)[];
  first: Source;
  second: Source;
  ask: () => void;
} {
  const deferred: (() => void)[] = [];
  const store = new CrashStore(Buffer.alloc(2 * PAGE_BYTES), deferred);
  const committer = new Committer(store);
  const [first, second] = [new Source(0), new Source(PAGE_BYTES)];
  committer.add(first);
  committer.add(second);
  const ask = (): void => {
    first.wanted = true;
    second.wanted = true;
    committer.request();
  };
  return { store, deferred, first, second, ask };
}

function settle(deferred: (() => void)[]): void {
  while (deferred.length > 0) deferred.shift()?.();
}

describe('Committer', () => {
  it('begins no round before every source has heard of the last one (found by the simulator)', () => {
    const { store, deferred, first, second, ask } = bench();
    first.onWritten = () => {
      first.onWritten = () => {};
      ask();
    };
    ask();
    settle(deferred);
    assert.deepEqual([first.rounds, second.rounds, store.flushes], [2, 2, 2]);
  });

  it('tells every source of the first failure, once, and writes nothing more', () => {
    const { store, deferred, first, second, ask } = bench();
    store.failAt = 0;
    ask();
    settle(deferred);
    const { operations } = store;
    ask();
    settle(deferred);
    assert.deepEqual([first.errors, second.errors, store.operations], [1, 1, operations]);
  });
});
