import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../src/heart/lease-client.ts';
import { LeaseNews } from '../../src/heart/lease-news.ts';
import { PROFILES, type ProfileTimes } from '../../src/profiles.ts';

const lease = (validUntilBootMs: number, other: Partial<Lease> = {}): Lease => ({
  epoch: 1,
  graceMs: 800,
  volumes: ['v'],
  validUntilBootMs,
  ...other,
});

/** Of ten renewals in the rhythm of a profile: which are told, and what is left then of what was told before. */
function renewals({ heart, service }: ProfileTimes): { readonly told: number; readonly leastLeftMs: number } {
  const news = new LeaseNews();
  let [told, toldUntilMs, leastLeftMs] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let turn = 0; turn < 10; turn += 1) {
    const nowMs = turn * heart.leaseIntervalMs;
    leastLeftMs = Math.min(leastLeftMs, toldUntilMs - nowMs);
    const untilMs = nowMs + service.leaseMs;
    if (!news.take(new Map([['db', lease(untilMs)]]), nowMs)) continue;
    told += 1;
    toldUntilMs = untilMs;
  }
  return { told, leastLeftMs };
}

for (const [name, times] of Object.entries(PROFILES))
  test(`${name}: every second renewal or fewer are told, and what was told never runs short`, () => {
    const { told, leastLeftMs } = renewals(times);
    assert.ok(told <= 5, `${told} of ten`);
    assert.ok(leastLeftMs >= times.service.leaseMs / 2, `${leastLeftMs} ms left`);
  });

test('whatever else is new about a lease is told at once', () => {
  const news = new LeaseNews();
  const tell = (...entries: readonly (readonly [string, Lease])[]): boolean => news.take(new Map(entries), 0);
  assert.equal(tell(), false);
  assert.equal(tell(['db', lease(600)]), true);
  assert.equal(tell(['db', lease(700)]), false);
  assert.equal(tell(['db', lease(700, { epoch: 2 })]), true);
  assert.equal(tell(['db', lease(700, { epoch: 2, graceMs: 12_000 })]), true);
  assert.equal(tell(['db', lease(700, { epoch: 2, graceMs: 12_000, volumes: ['v', 'w'] })]), true);
  const db = lease(700, { epoch: 2, graceMs: 12_000, volumes: ['v', 'w'] });
  assert.equal(tell(['db', db], ['web', lease(700)]), true);
  assert.equal(tell(['db', db]), true);
});
