import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextMemberChange } from '../../src/node/voters.ts';
import type { Members } from '../../src/raft/members.ts';
import { emptyState } from '../../src/state/apply.ts';
import type { ClusterState, Member } from '../../src/state/model.ts';

function stateOf(...names: readonly string[]): ClusterState {
  const members = names.map((name) => [name, { name, voterId: `${name}-life` } as Member] as const);
  return { ...emptyState(), members: Object.fromEntries(members) };
}

const voters = (...names: readonly string[]): Members =>
  names.map((name) => ({ id: `${name}#${name}-life`, role: 'voter' }));
const everybody = new Set(['a', 'b', 'c']);

test('a newcomer first only listens, votes once it is heard', () => {
  const state = stateOf('a', 'b');
  assert.deepEqual(nextMemberChange(state, voters('a'), everybody), { kind: 'add-learner', id: 'b#b-life' });
  const learning: Members = [...voters('a'), { id: 'b#b-life', role: 'learner' }];
  assert.equal(nextMemberChange(state, learning, new Set(['a'])), undefined);
  assert.deepEqual(nextMemberChange(state, learning, everybody), { kind: 'promote', id: 'b#b-life' });
  assert.equal(nextMemberChange(state, voters('a', 'b'), everybody), undefined);
});

test('who left the cluster leaves the log, one at a time, before anybody comes', () => {
  const state = stateOf('a', 'c');
  assert.deepEqual(nextMemberChange(state, voters('a', 'b'), everybody), { kind: 'remove', id: 'b#b-life' });
});

test('a node that lost its log is another voter', () => {
  const log: Members = [...voters('a'), { id: 'b#former', role: 'voter' }];
  assert.deepEqual(nextMemberChange(stateOf('a', 'b'), log, everybody), { kind: 'remove', id: 'b#former' });
});
