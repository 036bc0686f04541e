import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Universe } from '../../src/world/universe.ts';

function lonely(seed = 1) {
  const universe = new Universe(seed, { keepLines: true });
  return { universe, node: universe.addNode('a', ['10.0.0.1']) };
}

test('a dead process never hears of anything again', () => {
  const { universe, node } = lonely();
  const process = node.start('p');
  const heard: string[] = [];
  process.world.timers.after(10, () => heard.push('before'));
  process.world.timers.after(30, () => heard.push('after'));
  process.world.timers.every(7, () => heard.push('tick'));
  universe.runUntil(20);
  process.crash();
  universe.runUntil(100);
  assert.deepEqual(heard, ['tick', 'before', 'tick']);
});

test('a stopped process catches up when it continues', () => {
  const { universe, node } = lonely();
  const process = node.start('p');
  const heard: number[] = [];
  process.world.timers.after(10, () => heard.push(universe.nowMs));
  process.pause();
  universe.runUntil(50);
  assert.deepEqual(heard, []);
  process.resume();
  assert.deepEqual(heard, [50]);
});

test('boot clocks drift apart and start again at a boot', () => {
  const universe = new Universe(5, { keepLines: false });
  const a = universe.addNode('a', ['10.0.0.1']);
  const b = universe.addNode('b', ['10.0.0.2']);
  const before = [a.bootMs(), b.bootMs()] as const;
  universe.runUntil(10_000);
  for (const ms of [a.bootMs() - before[0], b.bootMs() - before[1]])
    assert.ok(ms !== 10_000 && Math.abs(ms - 10_000) < 6, `${ms} ms passed`);
  a.powerOff();
  a.powerOn();
  assert.ok(a.bootMs() < 21_000);
});

test('what a program throws is the seed’s failure', () => {
  const { universe, node } = lonely();
  node.start('p').world.timers.after(1, () => {
    throw new Error('a broken invariant');
  });
  universe.runUntil(10);
  assert.equal(universe.violation?.checker, 'uncaught');
});
