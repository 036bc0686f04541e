import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldBy } from '../../src/state/held.ts';
import type { Command } from '../../src/state/commands.ts';
import { recoveredState } from '../../src/state/recovered.ts';
import { after, runningState } from './founded.ts';

const ORDER = { node: 'n2', clusterId: 'new', atMs: 0 };
const MAINTENANCE: Command = { kind: 'node-mode', name: 'n1', mode: 'maintenance', atMs: 0 };

test('no group of a recovered cluster waits for a node that was left out', () => {
  const owned = after(runningState(), MAINTENANCE);
  const config = { ...runningState().config, onShutdown: 'freeze' as const };
  const left = after(
    { ...runningState(), config },
    { kind: 'node-leaving', name: 'n1', atMs: 0 },
    { kind: 'group-released', group: 'db', node: 'n1', epoch: 1, outcome: 'stopped', reason: '', atMs: 0 },
  );
  assert.equal(left.groups['db']?.move?.waits, true);
  for (const state of [owned, left]) {
    const recovered = recoveredState(state, ORDER);
    const { db } = recovered.groups;
    assert(db);
    assert.equal(db.owner, null);
    assert.equal(heldBy(recovered, db), undefined);
  }
});

test('… and one that was ordered to go to the node that goes on goes there', () => {
  const order = {
    kind: 'group-move',
    group: 'db',
    to: 'n2',
    reason: '',
    displaces: false,
    by: 'ann',
    atMs: 0,
  } as const;
  const recovered = recoveredState(after(runningState(), order), ORDER);
  assert.equal(recovered.groups['db']?.move?.to, 'n2');
});
