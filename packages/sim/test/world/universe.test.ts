import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Universe } from '../../src/world/universe.ts';

test('going round in a circle is a violation, and ends the run', () => {
  const universe = new Universe(1, { keepLines: false });
  const { scheduler } = universe;
  const circle = (): void => void scheduler.after(0, circle);
  scheduler.after(5, circle);
  universe.runUntil(1_000);
  assert.equal(universe.violation?.checker, 'livelock');
  assert.equal(universe.nowMs, 5);
});

test('many steps in much time are none', () => {
  const universe = new Universe(1, { keepLines: false });
  const { scheduler } = universe;
  const tick = (): void => void scheduler.after(0.05, tick);
  tick();
  universe.runUntil(4_000);
  assert.equal(universe.violation, undefined);
  assert.ok(scheduler.steps > 50_000);
});
