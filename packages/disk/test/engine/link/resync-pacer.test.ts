import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ResyncPacer } from '../../../src/engine/link/resync-pacer.ts';
import { Scheduler, portsOf } from '../support/scheduler.ts';

const MIB = 1024 * 1024;

/** How much goes ahead in one second of virtual time. */
function movedInSecond(state: { isBusy: boolean; backlogBytes: number }): number {
  const scheduler = new Scheduler();
  let requests = 0;
  let moved = 0;
  const ports = portsOf(scheduler, () => false);
  const pacer = new ResyncPacer({
    ...ports,
    minBytesPerSecond: 4 * MIB,
    maxBytesPerSecond: 256 * MIB,
    requestCount: () => requests,
    backlogBytes: () => state.backlogBytes,
  });
  if (state.isBusy) ports.timers.every(5, () => (requests += 1));
  const next = (): void => pacer.take(MIB / 4, () => ((moved += MIB / 4), next()));
  scheduler.runFor(200);
  next();
  scheduler.runFor(1000);
  return moved / MIB;
}

describe('the pacer', () => {
  test('goes at the ceiling while the application rests', () => {
    const moved = movedInSecond({ isBusy: false, backlogBytes: 100 * MIB });
    assert.ok(moved > 230 && moved < 265, `${moved} MiB`);
  });

  test('holds back while the application is at work', () => {
    const moved = movedInSecond({ isBusy: true, backlogBytes: 0 });
    assert.ok(moved > 50 && moved < 66, `${moved} MiB`);
  });

  test('goes at the floor when the link is full as well, and never stops', () => {
    const moved = movedInSecond({ isBusy: true, backlogBytes: 8 * MIB });
    assert.ok(moved > 3 && moved < 12, `${moved} MiB`);
  });
});
