import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { ActivityLogDriver } from '../../src/metadata/activity-log.ts';
import { EXTENT_BYTES } from '../../src/metadata/api.ts';
import { Committer } from '../../src/metadata/committer.ts';
import { HotSet } from '../../src/metadata/hot-set.ts';
import { GROUPS_OFFSET, LOG_OFFSET, LOG_RING_PAGES, PAGE_BYTES } from '../../src/metadata/layout.ts';
import { recoverHotExtents } from '../../src/metadata/log-recovery.ts';
import { CrashStore } from './crash-store.ts';

const EXTENT_COUNT = 5000;

interface Bench {
  readonly log: ActivityLogDriver;
  readonly store: CrashStore;
  /** Answers what the store has been asked so far, and what that leads to. */
  readonly settle: () => void;
  readonly hotOnDisk: () => readonly number[] | 'all';
}

function bench(slotCount: number): Bench {
  const deferred: (() => void)[] = [];
  const store = new CrashStore(Buffer.alloc(GROUPS_OFFSET), deferred);
  const committer = new Committer(store);
  const identity = { replicaUuid: 'r', epoch: 3, slotCount, extentCount: EXTENT_COUNT };
  const log = new ActivityLogDriver(identity, () => committer.request());
  committer.add({
    collect: () => log.collect(),
    written: () => log.written(),
    failed: () => assert.fail('no failure here'),
  });
  return {
    log,
    store,
    settle: () => {
      while (deferred.length > 0) deferred.shift()?.();
    },
    hotOnDisk: () => {
      const ring = store.stable.subarray(LOG_OFFSET, LOG_OFFSET + LOG_RING_PAGES * PAGE_BYTES);
      return recoverHotExtents(ring, identity);
    },
  };
}

/** Touches one extent; the returned object tells whether it was answered. */
function touch(log: ActivityLogDriver, extent: number, count = 1): { answered: boolean } {
  const state = { answered: false };
  log.touch(extent * EXTENT_BYTES, count * EXTENT_BYTES, (error) => {
    assert.equal(error, undefined);
    state.answered = true;
  });
  return state;
}

describe('ActivityLog', () => {
  it('says that it is starved once for each flush that is over, also for one that let nothing leave', () => {
    const { log, settle } = bench(1);
    let told = 0;
    log.onStarved(() => (told += 1));
    log.flushedNothing();
    touch(log, 0);
    settle();
    log.release(0, EXTENT_BYTES, 1);
    const waiting = touch(log, 1);
    touch(log, 2);
    assert.equal(told, 1);
    log.flushedNothing();
    assert.equal(told, 2);
    log.flushedUpTo(1);
    settle();
    assert.equal(waiting.answered, true);
    log.flushedNothing();
    assert.equal(told, 2, 'what is in flight no flush lets go');
  });

  it('answers a touch only when its transaction is durable, then is hot without I/O', () => {
    const { log, store, settle, hotOnDisk } = bench(10);
    assert.equal(log.tryTouch(0, 4096), false);
    const first = touch(log, 0);
    assert.equal(first.answered, false);
    assert.equal(log.tryTouch(0, 4096), false, 'activating is not hot');
    settle();
    assert.equal(first.answered, true);
    assert.deepEqual(hotOnDisk(), [0]);
    const { operations } = store;
    assert.equal(log.tryTouch(4096, 4096), true);
    assert.equal(log.tryTouch(EXTENT_BYTES - 512, 1024), false, 'the second extent is cold');
    assert.equal(store.operations, operations);
  });

  it('puts all that arrives during a transaction into the next one', () => {
    const { log, store, settle } = bench(100);
    const touches = Array.from({ length: 40 }, (_, extent) => touch(log, extent));
    settle();
    assert.ok(touches.every(({ answered }) => answered));
    assert.equal(store.flushes, 2);
  });

  it('makes a range hot that needs more than one transaction', () => {
    const { log, settle, hotOnDisk } = bench(200);
    const wide = touch(log, 7, 150);
    settle();
    assert.equal(wide.answered, true);
    assert.equal(hotOnDisk().length, 150);
  });

  it('evicts only what is released and flushed, and asks for a flush when that would help', () => {
    const { log, settle, hotOnDisk } = bench(2);
    let asked = 0;
    log.onStarved(() => (asked += 1));
    touch(log, 0);
    touch(log, 1);
    settle();
    const third = touch(log, 2);
    settle();
    assert.equal(asked, 0, 'everything is in flight: a flush would not help');
    log.release(0, 4096, 1);
    assert.equal(asked, 1);
    settle();
    assert.equal(third.answered, false);
    assert.equal(log.tryTouch(EXTENT_BYTES, 4096), false, 'nobody overtakes the one that waits');
    log.flushedUpTo(1);
    settle();
    assert.equal(third.answered, true);
    assert.deepEqual(hotOnDisk(), [1, 2]);
    assert.equal(log.settled, false);
  });

  it('stops the process on a release that was never touched', () => {
    const { log, settle } = bench(2);
    assert.throws(() => log.release(0, 4096, 1), /touched/);
    touch(log, 0);
    settle();
    log.release(0, 4096, 5);
    assert.throws(() => log.release(0, 4096, 5), /as often/);
    assert.throws(() => touch(log, 0, 3), /fits/);
  });

  it('is careful with epochs that come late', () => {
    const { log, settle } = bench(1);
    touch(log, 0);
    touch(log, 0);
    settle();
    log.release(0, 4096, 5);
    log.release(0, 4096, 3);
    const next = touch(log, 1);
    log.flushedUpTo(4);
    settle();
    assert.equal(next.answered, false, 'the extent was written in epoch 5');
    log.flushedUpTo(5);
    log.flushedUpTo(2);
    settle();
    assert.equal(next.answered, true);
  });

  it('recovers exactly the table after any number of transactions, round the ring and its contexts', () => {
    const { log, settle, hotOnDisk } = bench(1237);
    let epoch = 0;
    const inTable: number[] = [];
    for (let round = 0; round < 150; round += 1) {
      const extents = Array.from({ length: 25 }, (_, index) => (round * 25 + index) % EXTENT_COUNT);
      for (const extent of extents) touch(log, extent);
      settle();
      epoch += 1;
      for (const extent of extents) log.release(extent * EXTENT_BYTES, 4096, epoch);
      log.flushedUpTo(epoch);
      inTable.push(...extents);
    }
    assert.deepEqual(
      hotOnDisk(),
      inTable.slice(-1237).sort((a, b) => a - b),
    );
  });

  it('recovers the state before a torn transaction, and everything when an older needed page is gone', () => {
    const { log, store, settle, hotOnDisk } = bench(1237);
    for (let extent = 0; extent < 5; extent += 1) {
      touch(log, extent);
      settle();
    }
    const pageOf = (sequence: number): number => LOG_OFFSET + (sequence % LOG_RING_PAGES) * PAGE_BYTES;
    store.stable.fill(0xee, pageOf(5) + 512, pageOf(5) + 1024);
    assert.deepEqual(hotOnDisk(), [0, 1, 2, 3]);
    store.stable.fill(0xee, pageOf(3), pageOf(3) + 512);
    assert.equal(hotOnDisk(), 'all');
  });
});

describe('HotSet', () => {
  it('agrees with a map, whatever comes and goes', () => {
    const step = fc.record({ extent: fc.nat(60), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const set = new HotSet(8);
        const pins = new Map<number, number>();
        for (const [time, { extent, release }] of steps.entries()) {
          const slot = set.slotOf(extent);
          if (release && (pins.get(extent) ?? 0) > 0) {
            set.unpin(slot, 0);
            pins.set(extent, (pins.get(extent) ?? 0) - 1);
          } else if (!release) {
            const used = slot >= 0 ? slot : set.assign(extent, time, 0);
            const pinned = [...pins.values()].filter((count) => count > 0).length;
            assert.equal(used < 0, slot < 0 && pinned === 8);
            if (used < 0) continue;
            set.pin(used);
            pins.set(extent, (pins.get(extent) ?? 0) + 1);
          }
          for (const [pinned, count] of pins)
            if (count > 0) assert.equal(set.extentAt(set.slotOf(pinned)), pinned);
        }
      }),
    );
  });
});
