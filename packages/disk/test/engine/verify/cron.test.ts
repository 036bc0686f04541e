import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import * as fc from 'fast-check';
import { nextTime, parseSchedule } from '../../../src/engine/verify/cron.ts';
import { ScheduledVerify } from '../../../src/engine/verify/scheduled-verify.ts';
import { Scheduler, portsOf } from '../support/scheduler.ts';

const next = (schedule: string, after: string): string | undefined => {
  const time = nextTime(parseSchedule(schedule), Date.parse(after));
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
};

describe('a schedule', () => {
  for (const [schedule, after, expected] of [
    ['0 3 * * 6', '2026-11-22T22:00Z', '2026-11-28T03:00'],
    ['0 3 * * 0', '2026-11-22T02:59:59Z', '2026-11-22T03:00'],
    ['0 3 * * 7', '2026-11-22T03:00Z', '2026-11-29T03:00'],
    ['*/15 8-18 * * 1-5', '2026-11-20T18:45Z', '2026-11-23T08:00'],
    ['5,35 * * * *', '2026-12-31T23:36Z', '2027-01-01T00:05'],
    ['0 0 29 2 *', '2026-01-01T00:00Z', '2028-02-29T00:00'],
    ['0 0 13 * 5', '2026-11-14T00:00Z', '2026-11-20T00:00'],
    ['0 0 30 2 *', '2026-01-01T00:00Z', undefined],
    ['10/20 0 * * *', '2026-01-01T00:11Z', '2026-01-01T00:30'],
  ] as const)
    test(`${schedule} after ${after} is ${expected ?? 'never'}`, () => {
      assert.equal(next(schedule, after), expected);
    });

  test('agrees with the calendar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        const date = new Date(seconds * 1000);
        const fields = `${date.getUTCMinutes()} ${date.getUTCHours()} ${date.getUTCDate()} ${date.getUTCMonth() + 1} *`;
        const minuteMs = Math.floor(date.getTime() / 60_000) * 60_000;
        assert.equal(nextTime(parseSchedule(fields), minuteMs - 1), minuteMs);
      }),
    );
  });

  for (const wrong of [
    '',
    '0 3 * *',
    '60 3 * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '5-1 * * * *',
    '*/0 * * * *',
    'x * * * *',
  ])
    test(`${JSON.stringify(wrong)} is refused`, () => {
      assert.throws(
        () => parseSchedule(wrong),
        (error) => error instanceof EterneError && error.code === 'config',
      );
    });

  test('begins once each time, also when the clock was set back', () => {
    const scheduler = new Scheduler();
    const { timers } = portsOf(scheduler, () => false);
    let offsetMs = Date.parse('2026-11-22T02:58Z') - scheduler.nowMs;
    const clock = { bootMs: () => scheduler.nowMs, wallMs: () => scheduler.nowMs + offsetMs };
    let begun = 0;
    const scheduled = new ScheduledVerify(clock, timers, parseSchedule('0 3 * * *'), () => (begun += 1));
    scheduler.runFor(100_000);
    assert.equal(begun, 0);
    scheduler.runFor(60_000);
    assert.equal(begun, 1);
    scheduler.runFor(3_600_000);
    assert.equal(begun, 1);
    offsetMs -= 2 * 3_600_000;
    scheduler.runFor(3_600_000);
    assert.equal(begun, 2);
    scheduled.close();
    scheduler.runFor(48 * 3_600_000);
    assert.equal(begun, 2);
  });
});
