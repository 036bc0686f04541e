import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTimes, PROFILES, type ProfileTimes } from '../src/profiles.ts';
import { timingOf } from '../src/service/timing.ts';
import { emptyState } from '../src/state/apply.ts';
import type { Profile } from '../src/state/model.ts';

const { lan, wan } = PROFILES;

test('both profiles hold what must hold between their times', () => {
  assert.equal(checkTimes(lan), undefined);
  assert.equal(checkTimes(wan), undefined);
});

/** Each breaks one rule. */
const WRONG: readonly (readonly [ProfileTimes, RegExp])[] = [
  [{ ...lan, heart: { ...lan.heart, beatIntervalMs: 300 } }, /only three of its beats/],
  [{ ...lan, service: { ...lan.service, lostAfterMs: 900 } }, /at different times/],
  [{ ...lan, heart: { ...lan.heart, leaseIntervalMs: 250 } }, /only two requests/],
  [{ ...lan, heart: { ...lan.heart, leaderSilenceMs: 600 } }, /only when it is over/],
  [{ ...wan, service: { ...wan.service, graceMs: 700 } }, /who knows of no lease/],
  [{ ...lan, raft: { ...lan.raft, driftMarginMs: 10 } }, /margin of an authority is less/],
  [{ ...lan, raft: { ...lan.raft, heartbeatMs: 200 } }, /only five heartbeats/],
  [{ ...lan, heart: { ...lan.heart, leaseIntervalMs: 193 } }, /only one request/],
  [{ ...wan, service: { ...wan.service, graceMs: 3000 } }, /no other can grant leases/],
  [{ ...wan, raft: { ...wan.raft, toldMs: 5000 } }, /hand-over without a successor/],
  [{ ...wan, service: { ...wan.service, marginMs: 100 } }, /margin of a lease and its grace/],
  [{ ...lan, etcd: { ...lan.etcd, driftMarginMs: 10 } }, /margin of an authority in etcd/],
  [{ ...lan, etcd: { ...lan.etcd, beatMs: 1500 } }, /only two renewals/],
  [{ ...lan, withEtcd: { ...lan.withEtcd, leaseMs: 3400 } }, /longer than any authority/],
  [{ ...lan, withEtcd: { ...lan.withEtcd, marginMs: 100 } }, /margin of a lease in etcd/],
];

for (const [times, sentence] of WRONG)
  test(`times are refused: ${sentence.source}`, () => assert.match(checkTimes(times) ?? '', sentence));

test('while leases of the profile before may be held the longer of both times count', () => {
  const now = (profile: Profile, from: Profile | null) => {
    const state = emptyState();
    const settling = from === null ? null : { from, revision: 1 };
    return timingOf({ ...state, config: { ...state.config, profile }, settling });
  };
  const goneMs = ({ goneGraceMs, marginMs, heldMs }: ReturnType<typeof now>) => [
    goneGraceMs,
    marginMs,
    heldMs,
  ];
  assert.deepEqual(goneMs(now('lan', null)), [800, 100, 650]);
  assert.deepEqual(goneMs(now('lan', 'wan')), [6000, 1000, 6500]);
  assert.deepEqual(goneMs(now('wan', 'lan')), [6000, 1000, 6500]);
  assert.equal(now('lan', 'wan').graceMs, 800, 'what is granted goes by the new one at once');
});
