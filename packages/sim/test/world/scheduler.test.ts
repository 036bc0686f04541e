import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/world/prng.ts';
import { Scheduler } from '../../src/world/scheduler.ts';

test('events run in order of time, and in order of planning within an instant', () => {
  const scheduler = new Scheduler();
  const prng = new Prng(3, 'order');
  const ran: [number, number][] = [];
  for (let i = 0; i < 500; i += 1) {
    const delay = prng.below(20);
    scheduler.after(delay, () => ran.push([delay, i]));
  }
  while (scheduler.step(100));
  assert.equal(ran.length, 500);
  assert.deepEqual(
    ran,
    ran.toSorted((x, y) => x[0] - y[0] || x[1] - y[1]),
  );
  assert.equal(scheduler.nowMs, 100);
});

test('a cancelled event does not run, and time stops where it was told to', () => {
  const scheduler = new Scheduler();
  let ran = false;
  const event = scheduler.after(5, () => (ran = true));
  scheduler.cancel(event);
  scheduler.after(50, () => (ran = true));
  assert.equal(scheduler.step(10), false);
  assert.equal(scheduler.nowMs, 10);
  assert.equal(ran, false);
});
