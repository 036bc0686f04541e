import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { errorOf, noSuch } from '../../src/state/outcome.ts';
import { runningState } from './founded.ts';

test('an order for what there is not is refused with what there is', () => {
  const state = runningState();
  const { refused } = apply(state, { kind: 'group-desire', group: 'dv', desired: 'stopped', atMs: 0 });
  const groups = Object.keys(state.groups).join(', ');
  assert.deepEqual(refused, { code: 'not-found', message: 'no group dv', hint: `the cluster has ${groups}` });
});

test('of many names only some are shown, and nothing where there are none', () => {
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`g${index}`, {}]));
  assert.equal(noSuch('group', 'x', many).hint, 'the cluster has g0, g1, g2, g3, g4, g5, g6, g7 and 2 more');
  assert.equal(errorOf(noSuch('volume', 'x', {})).hint, undefined);
});
