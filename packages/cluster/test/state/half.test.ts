/** A pair of which one node goes on alone: from then on its half grants the terms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { grantorOf } from '../../src/state/apply-half.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { after, runningState } from './founded.ts';

const base: ClusterState = { ...runningState(), level: 4 };
const said = { leaderTerm: base.leaderTerm, atMs: 7 };
const alone = { kind: 'alone', half: 'h1', node: 'n1', peer: 'n2', ...said } as const;
const parted = { kind: 'parted', half: 'h1', other: 'h2', survives: true, ...said } as const;
const whole = { kind: 'whole', half: 'h1', ...said } as const;

test('alone, parted, whole; the half stays the grantor', () => {
  assert.equal(grantorOf(base), base.clusterId);
  const going = after(base, alone);
  assert.equal(grantorOf(going), 'h1');
  assert.deepEqual(going.alone, { half: 'h1', node: 'n1', peer: 'n2', sinceMs: 7, parted: null });
  const apart = after(going, parted);
  assert.deepEqual(apart.alone?.parted, { half: 'h2', sinceMs: 7, survives: true });
  const one = after(apart, whole);
  assert.equal(one.alone, null);
  assert.equal(grantorOf(one), 'h1');
  const codes = one.events.slice(-3).map(({ code }) => code);
  assert.deepEqual(codes, ['pair.alone', 'pair.parted', 'pair.whole']);
});

test('who was removed meanwhile is not said to be back', () => {
  const going = after(base, alone);
  const { n2: _, ...members } = going.members;
  const last = (state: ClusterState): string | undefined => state.events.at(-1)?.message;
  assert.match(last(after(going, whole)) ?? '', /n2 is back and follows/);
  for (const state of [going, after(going, parted)])
    assert.equal(
      last(after({ ...state, members }, whole)),
      'n1 goes on without n2, which is no member any more',
    );
});

test('what is known, is of another half, or of a leadership that is over changes nothing', () => {
  const going = after(base, alone);
  for (const command of [
    alone,
    { ...whole, half: 'h0' },
    { ...parted, half: 'h0' },
    { ...whole, leaderTerm: 0 },
  ])
    assert.equal(apply(going, command).refused?.code, 'conflict', command.kind);
  assert.equal(apply(after(going, parted), parted).refused?.code, 'conflict');
});
