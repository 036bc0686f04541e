/** A pair of which one node goes on alone: from then on its half grants the terms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { grantorOf } from '../../src/state/apply-half.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { member } from '../service/fake-cluster.ts';
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

test('nobody takes the name of who may have gone on alone as well before that is removed', () => {
  const lost = { kind: 'node-presence', name: 'n2', presence: 'lost', ...said } as const;
  const going = after({ ...base, level: 5 }, lost, alone);
  const another = {
    kind: 'member-add',
    member: { ...member('n2'), level: 5, voterId: 'another' },
    atMs: 8,
  } as const;
  const { refused, state } = apply(going, another);
  assert.match(
    refused?.message ?? '',
    /n2 may have gone on alone as n1 has.*eterne node remove n2 --confirm-stopped/,
  );
  assert.equal(state.members['n2']?.voterId, 'n2-voter');
  assert.equal(after(going, whole, another).members['n2']?.voterId, 'another');
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
