import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lease } from '../../../src/engine/primary/lease.ts';
import { Scheduler, portsOf } from '../support/scheduler.ts';

function leased(isRequired: boolean): { lease: Lease; scheduler: Scheduler; events: string[] } {
  const scheduler = new Scheduler();
  const { clock, timers } = portsOf(scheduler, () => false);
  const events: string[] = [];
  const lease = new Lease(clock, timers, isRequired, {
    lapsed: () => events.push('lapsed'),
    renewed: () => events.push('renewed'),
    expired: () => events.push('expired'),
  });
  return { lease, scheduler, events };
}

describe('Lease', () => {
  test('standalone there is none, and no limit', () => {
    const { lease, scheduler } = leased(false);
    scheduler.runFor(1e6);
    assert.equal(lease.isValid, true);
  });

  test('a granted term is not valid before its first', () => {
    const { lease, scheduler } = leased(true);
    assert.equal(lease.isValid, false);
    lease.extend(scheduler.nowMs + 500, 800);
    assert.equal(lease.isValid, true);
  });

  test('lapses, is renewed, expires for good', () => {
    const { lease, scheduler, events } = leased(true);
    lease.extend(scheduler.nowMs + 500, 800);
    scheduler.runFor(600);
    assert.equal(lease.isValid, false);
    lease.extend(scheduler.nowMs + 500, 800);
    assert.equal(lease.isValid, true);
    scheduler.runFor(1299);
    assert.deepEqual(events, ['renewed', 'lapsed', 'renewed', 'lapsed']);
    scheduler.runFor(2);
    assert.equal(events.at(-1), 'expired');
    lease.extend(scheduler.nowMs + 500, 800);
    assert.equal(lease.isValid, false);
  });

  test('an earlier end than the present one changes nothing', () => {
    const { lease, scheduler } = leased(true);
    lease.extend(scheduler.nowMs + 500, 800);
    lease.extend(scheduler.nowMs + 100, 800);
    scheduler.runFor(300);
    assert.equal(lease.isValid, true);
  });

  test('a process paused beyond lapse and grace finds the term over, although an extension comes before its timer', () => {
    const { lease, scheduler, events } = leased(true);
    lease.extend(scheduler.nowMs + 500, 800);
    scheduler.nowMs += 5000;
    lease.extend(scheduler.nowMs + 500, 800);
    assert.deepEqual(events, ['renewed', 'expired']);
    assert.equal(lease.isValid, false);
  });

  test('a late timer does not matter: the clock decides', () => {
    const { lease, scheduler } = leased(true);
    lease.extend(scheduler.nowMs + 500, 800);
    scheduler.nowMs += 600;
    assert.equal(lease.isValid, false);
  });
});
