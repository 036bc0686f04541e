import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoreDone, StoreError } from '@eterne/runtime';
import { ChainedStore } from '../../../src/engine/set/chained-store.ts';
import { layoutName, totalBytes, windowOf } from '../../../src/engine/set/members.ts';
import { MemoryDisk, storeOn } from '../support/memory-disk.ts';
import { Scheduler } from '../support/scheduler.ts';

const KIB64 = 64 * 1024;

/** Three stores of 1, 2 and 1 times 64 KiB; the first device is longer than its volume. */
function chained(): { disks: readonly MemoryDisk[]; store: ChainedStore } {
  const disks = [new MemoryDisk(2 * KIB64), new MemoryDisk(2 * KIB64), new MemoryDisk(KIB64)];
  const starts = [0, KIB64, 3 * KIB64];
  const parts = disks.map((disk, index) => ({
    start: starts[index] ?? 0,
    store: storeOn(
      disk,
      new Scheduler(),
      () => false,
      () => 0,
    ),
  }));
  return { disks, store: new ChainedStore(parts) };
}

function answer(operation: (done: StoreDone) => void): StoreError | undefined {
  const answers: (StoreError | undefined)[] = [];
  operation((error) => answers.push(error));
  assert.equal(answers.length, 1);
  return answers[0];
}

describe('chained stores', () => {
  it('are one, also for requests over their seams', () => {
    const { disks, store } = chained();
    assert.equal(store.sizeBytes, 4 * KIB64);
    const data = Buffer.from(Array.from({ length: 3 * KIB64 }, (_, index) => index % 251));
    assert.equal(
      answer((done) => store.write(KIB64 / 2, data, done)),
      undefined,
    );
    const back = Buffer.alloc(data.length);
    assert.equal(
      answer((done) => store.read(KIB64 / 2, back, done)),
      undefined,
    );
    assert.ok(back.equals(data));
    assert.ok(
      disks[0]?.content.subarray(KIB64).every((byte) => byte === 0),
      'nothing behind its volume',
    );
    assert.equal(
      answer((done) => store.writeZeroes(KIB64 - 4096, 2 * 4096, true, done)),
      undefined,
    );
    assert.equal(disks[0]?.content[KIB64 - 1], 0);
    assert.equal(disks[1]?.content[4095], 0);
    assert.notEqual(disks[1]?.content[4097], undefined);
    store.nextExtent(0, (_error, extent) => assert.ok(extent.lengthBytes <= KIB64));
  });

  it('are flushed together', () => {
    const { disks, store } = chained();
    assert.equal(
      answer((done) => store.flush(done)),
      undefined,
    );
    assert.deepEqual(
      disks.map(({ flushCount }) => flushCount),
      [1, 1, 1],
    );
  });

  it('have a bad sector where one of them has, and fail where one of them is dead', () => {
    const { disks, store } = chained();
    const eio = (offset: number): StoreError => ({ kind: 'sector', errno: 'EIO', message: `at ${offset}` });
    const [, second] = disks as [MemoryDisk, MemoryDisk, MemoryDisk];
    second.fault = (_what, offset) => (offset === 8192 ? eio(offset) : undefined);
    const read = (): StoreError | undefined =>
      answer((done) => store.read(KIB64 + 8192, Buffer.alloc(4096), done));
    assert.equal(read()?.kind, 'sector');
    second.fault = (_what, offset) => eio(offset);
    assert.equal(read()?.kind, 'device');
  });

  it('grow at the end', () => {
    const { disks, store } = chained();
    assert.equal(
      answer((done) => store.grow(5 * KIB64, done)),
      undefined,
    );
    assert.equal(store.sizeBytes, 5 * KIB64);
    assert.deepEqual(
      disks.map(({ sizeBytes }) => sizeBytes / KIB64),
      [2, 2, 2],
    );
  });
});

describe('the layout of a set', () => {
  const members = [
    { name: 'data', sizeBytes: 8192, devicePath: 'd' },
    { name: 'wal', sizeBytes: 4096, devicePath: 'w' },
  ];

  it('gives each volume its place, and what was added to the last', () => {
    assert.equal(totalBytes(members), 12_288);
    assert.deepEqual(windowOf(members, 0, 20_480), { start: 0, sizeBytes: 8192 });
    assert.deepEqual(windowOf(members, 1, 20_480), { start: 8192, sizeBytes: 12_288 });
  });

  it('has another name in another order, or where a volume begins elsewhere, and not for a larger last one', () => {
    const [data, wal] = members as [(typeof members)[0], (typeof members)[0]];
    assert.notEqual(layoutName([wal, data]), layoutName(members));
    assert.notEqual(layoutName([{ ...data, sizeBytes: 4096 }, wal]), layoutName(members));
    assert.equal(layoutName([data, { ...wal, sizeBytes: 65_536 }]), layoutName(members));
  });
});
