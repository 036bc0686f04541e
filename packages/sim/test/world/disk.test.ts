import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore } from '@eterne/runtime';
import { Universe } from '../../src/world/universe.ts';

const SIZE_BYTES = 64 * 1024;

function opened(seed: number) {
  const universe = new Universe(seed, { keepLines: false });
  const node = universe.addNode('a', ['10.0.0.1']);
  const process = node.start('p');
  let store: BlockStore | undefined;
  process.world.stores.open('img', { createSizeBytes: SIZE_BYTES }, (result) => {
    assert.ok(!(result instanceof EterneError));
    store = result;
  });
  universe.runUntil(1);
  assert.ok(store);
  return { universe, node, process, store };
}

function sectorAt(disk: { read(offset: number, into: Buffer): void }, offset: number): number {
  const sector = Buffer.alloc(512);
  disk.read(offset, sector);
  return sector.readUInt8(0);
}

test('the death of a process keeps what was written, power loss keeps only what was flushed for certain', () => {
  let dropped = 0;
  let torn = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const { universe, node, process, store } = opened(seed);
    store.write(0, Buffer.alloc(4096, 1), () => undefined);
    universe.runUntil(100);
    store.flush(() => undefined);
    universe.runUntil(200);
    store.write(0, Buffer.alloc(4096, 2), () => undefined);
    universe.runUntil(300);
    const disk = node.disk('img');
    if (seed % 2 === 0) {
      process.crash();
      assert.equal(sectorAt(disk, 0), 2);
      continue;
    }
    node.powerOff();
    const sectors = Array.from({ length: 8 }, (_, i) => sectorAt(disk, i * 512));
    assert.ok(sectors.every((value) => value === 1 || value === 2));
    if (sectors.includes(1)) dropped += 1;
    if (sectors.includes(1) && sectors.includes(2)) torn += 1;
  }
  assert.ok(dropped > 5 && torn > 1, `${dropped} dropped, ${torn} torn`);
});

test('two writes of one range in flight at once are reported', () => {
  for (let seed = 1; ; seed += 1) {
    const { universe, node, store } = opened(seed);
    if (node.disk('img').temper.syncChance > 0) continue;
    store.write(0, Buffer.alloc(4096, 1), () => undefined);
    store.write(512, Buffer.alloc(512, 2), () => undefined);
    assert.equal(universe.violation?.checker, 'store-overlap');
    return;
  }
});

test('a lent buffer that is changed before completion is reported', () => {
  for (let seed = 1; seed < 200; seed += 1) {
    const { universe, node, store } = opened(seed);
    if (node.disk('img').temper.syncChance > 0) continue;
    const data = Buffer.alloc(4096, 1);
    store.write(0, data, () => undefined);
    data.fill(9);
    universe.runUntil(100);
    if (universe.violation === undefined) continue;
    assert.equal(universe.violation.checker, 'store-buffer');
    return;
  }
  assert.fail('never reported');
});

test('a hanging disk times out, and then fails everything', () => {
  const { universe, node, process } = opened(4);
  const errors: (string | undefined)[] = [];
  process.world.stores.open('slow', { createSizeBytes: SIZE_BYTES, timeoutMs: 50 }, (store) => {
    assert.ok(!(store instanceof EterneError));
    node.disk('slow').hanging = true;
    store.write(0, Buffer.alloc(512), (error) => {
      errors.push(error?.kind);
      node.disk('slow').hanging = false;
      store.flush((second) => errors.push(second?.kind));
    });
  });
  universe.runUntil(500);
  assert.deepEqual(errors, ['timeout', 'timeout']);
});

test('a store has one opener at a time, and is free again when that one dies', () => {
  const { universe, node, process } = opened(9);
  const second = node.start('q');
  const results: string[] = [];
  const tryOpen = (): void =>
    second.world.stores.open('img', {}, (result) =>
      results.push(result instanceof EterneError ? result.code : 'opened'),
    );
  tryOpen();
  universe.runUntil(10);
  process.crash();
  tryOpen();
  universe.runUntil(20);
  assert.deepEqual(results, ['busy', 'opened']);
});

test('a block that the disk has altered is forgiven until somebody writes it, and can be put back', () => {
  const { universe, node, store } = opened(3);
  const disk = node.disk('img');
  store.write(0, Buffer.alloc(8192, 1), () => undefined);
  universe.runUntil(100);
  assert.ok(!disk.isSettled(0), 'only a cache has it');
  store.flush(() => undefined);
  universe.runUntil(200);
  for (const offset of [0, 4096]) disk.alter(offset, Buffer.alloc(4096, 7));
  assert.deepEqual([sectorAt(disk, 0), disk.isForgiven(0), disk.alteredBlocks], [7, true, [0, 4096]]);
  store.write(0, Buffer.alloc(4096, 2), () => undefined);
  universe.runUntil(300);
  assert.deepEqual([sectorAt(disk, 0), disk.isForgiven(0), disk.isForgiven(8)], [2, false, true]);
  disk.restore(4096, 4096);
  assert.deepEqual([sectorAt(disk, 4096), disk.alteredBlocks], [1, []]);
});

test('a disk that lies answers a flush, and loses what it covered with the power', () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const { universe, node, store } = opened(seed);
    const disk = node.disk('img');
    disk.lies = true;
    store.write(0, Buffer.alloc(4096, 1), () => undefined);
    let answer: string | undefined;
    universe.runUntil(100);
    store.flush((error) => (answer = error?.message ?? 'ok'));
    universe.runUntil(400);
    assert.equal(answer, 'ok');
    node.powerOff();
    if (sectorAt(disk, 0) === 0) lost += 1;
  }
  assert.ok(lost > 0, 'some seeds lose it');
});

test('a store does not reach the disk that has taken the place of its own, and neither a worn-out sector nor a full disk takes a write', () => {
  const { universe, node, store } = opened(5);
  const disk = node.disk('img');
  disk.wearOut(4096, 1);
  const refused: number[] = [];
  disk.onRefused = (...range) => refused.push(...range);
  const answers: string[] = [];
  const write = (offset: number): void =>
    store.write(offset, Buffer.alloc(4096, 1), (error) => answers.push(error?.kind ?? 'ok'));
  write(0);
  universe.runUntil(100);
  write(4096);
  universe.runUntil(200);
  assert.deepEqual([disk.mayBeElsewhere(0), disk.mayBeElsewhere(4096)], [false, true]);
  disk.full = true;
  write(0);
  universe.runUntil(300);
  assert.deepEqual(refused, [4096, 4096, 0, 4096]);
  disk.replace();
  write(0);
  universe.runUntil(400);
  assert.deepEqual(answers, ['ok', 'sector', 'logical', 'device']);
  assert.deepEqual([disk.sizeBytes, sectorAt(disk, 0), store.sizeBytes], [0, 0, SIZE_BYTES]);
});
