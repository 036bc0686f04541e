import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldBy } from '../../src/state/held.ts';
import type { GroupState } from '../../src/state/model.ts';
import { runningState } from './founded.ts';

test('a group waits for a node that was stopped, as long as that is one of its nodes', () => {
  const state = runningState();
  const db = state.groups['db'];
  assert(db);
  const waiting: GroupState = {
    ...db,
    owner: null,
    move: { to: 'n1', reason: 'test', displaces: false, waits: true },
  };
  assert.match(heldBy(state, waiting) ?? '', /it waits for n1/);
  assert.equal(heldBy(state, { ...waiting, spec: { ...db.spec, nodes: ['n2'] } }), undefined);
});
