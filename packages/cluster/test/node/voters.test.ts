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

const awaitingWitness = (state: ClusterState): ClusterState => ({
  ...state,
  config: { ...state.config, tieBreaker: { kind: 'witness' } },
});

const voters = (...names: readonly string[]): Members =>
  names.map((name) => ({ id: `${name}#${name}-life`, role: 'voter' }));
const everybody = new Set(['a', 'b', 'c']);

test('a newcomer first only listens, votes once it is heard', () => {
  const state = stateOf('a', 'b');
  assert.deepEqual(nextMemberChange(state, voters('a'), everybody), { kind: 'add-learner', id: 'b#b-life' });
  const learning: Members = [...voters('a'), { id: 'b#b-life', role: 'learner' }];
  assert.equal(nextMemberChange(state, learning, new Set(['a'])), undefined);
  assert.deepEqual(nextMemberChange(state, learning, everybody), { kind: 'promote', id: 'b#b-life' });
  assert.deepEqual(nextMemberChange(state, voters('a', 'b'), everybody), { kind: 'make-proof-tie' });
  assert.equal(nextMemberChange(awaitingWitness(state), voters('a', 'b'), everybody), undefined);
});

test('who left the cluster leaves the log, one at a time, before anybody comes', () => {
  const state = stateOf('a', 'c');
  assert.deepEqual(nextMemberChange(state, voters('a', 'b'), everybody), { kind: 'remove', id: 'b#b-life' });
});

test('a node that lost its log is another voter', () => {
  const log: Members = [...voters('a'), { id: 'b#former', role: 'voter' }];
  assert.deepEqual(nextMemberChange(stateOf('a', 'b'), log, everybody), { kind: 'remove', id: 'b#former' });
});

const withTie = (state: ClusterState): ClusterState => ({
  ...state,
  config: { ...state.config, tieBreaker: { kind: 'disk', device: '/shared', ping: [] } },
});
const TIE = '~tie#1';

test('a pair gets its tie-breaker while both vote and are heard', () => {
  const state = withTie(stateOf('a', 'b'));
  const make = { kind: 'make-tie', device: '/shared', owners: ['a', 'b'] };
  assert.deepEqual(nextMemberChange(state, voters('a', 'b'), everybody), make);
  assert.equal(nextMemberChange(state, voters('a', 'b'), new Set(['a'])), undefined);
  const learning: Members = [...voters('a', 'b'), { id: TIE, role: 'learner' }];
  assert.deepEqual(nextMemberChange(state, learning, everybody), { kind: 'promote', id: TIE });
  assert.equal(nextMemberChange(state, learning, new Set(['a'])), undefined);
  const whole: Members = [...voters('a', 'b'), { id: TIE, role: 'voter' }];
  assert.equal(nextMemberChange(state, whole, everybody), undefined);
});

test('it goes before a third voter comes, and only while both can agree without it', () => {
  const whole: Members = [...voters('a', 'b'), { id: TIE, role: 'voter' }];
  const grown = withTie(stateOf('a', 'b', 'c'));
  assert.deepEqual(nextMemberChange(grown, whole, everybody), { kind: 'remove', id: TIE });
  assert.equal(nextMemberChange(grown, whole, new Set(['a', 'c'])), undefined);
  assert.deepEqual(nextMemberChange(grown, voters('a', 'b'), everybody), {
    kind: 'add-learner',
    id: 'c#c-life',
  });
  assert.deepEqual(nextMemberChange(awaitingWitness(stateOf('a', 'b')), whole, everybody), {
    kind: 'remove',
    id: TIE,
  });
});

test('one of another kind than the configuration says is replaced', () => {
  const proof: Members = [...voters('a', 'b'), { id: '~tie#proof-1', role: 'voter' }];
  assert.equal(nextMemberChange(stateOf('a', 'b'), proof, everybody), undefined);
  assert.deepEqual(nextMemberChange(withTie(stateOf('a', 'b')), proof, everybody), {
    kind: 'remove',
    id: '~tie#proof-1',
  });
  assert.equal(nextMemberChange(withTie(stateOf('a', 'b')), proof, new Set(['a'])), undefined);
});

test('of a pair one leaves for ever: it goes, then the tie-breaker', () => {
  const whole: Members = [...voters('a', 'b'), { id: TIE, role: 'voter' }];
  const alone = withTie(stateOf('a'));
  assert.deepEqual(nextMemberChange(alone, whole, new Set(['a'])), { kind: 'remove', id: 'b#b-life' });
  const left: Members = [...voters('a'), { id: TIE, role: 'voter' }];
  assert.deepEqual(nextMemberChange(alone, left, new Set(['a'])), { kind: 'remove', id: TIE });
});
