import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import { LEVELS } from '../../src/state/levels.ts';
import { member } from '../service/fake-cluster.ts';
import { after, runningState } from './founded.ts';

const stamp = { atMs: 0 };
const report = (name: string, startId: string): Command => ({
  kind: 'node-report',
  name,
  startId,
  pids: { service: 1, monitor: 2, heart: 3, disk: 4 },
  level: LEVELS.program,
  ...stamp,
});
/** n1 owns `db`; n2 lives its life `a`. */
const begun = () => after(runningState(), report('n2', 'a'));
const strays = (change: Partial<Extract<Command, { kind: 'group-strays' }>> = {}): Command => ({
  kind: 'group-strays',
  group: 'db',
  node: 'n2',
  startId: 'a',
  resources: ['app'],
  failure: '',
  ...stamp,
  ...change,
});
const assign: Command = {
  kind: 'group-assign',
  group: 'db',
  expectedEpoch: 1,
  owner: 'n2',
  reason: '',
  displaced: true,
  leaderTerm: 1,
  ...stamp,
};

test('while something of a group is where it should not be, nobody is given the group', () => {
  const found = after(begun(), strays());
  assert.equal(apply(found, assign).refused?.code, 'conflict');
  assert.equal(apply(after(found, strays({ resources: [] })), assign).refused, undefined);
  const move: Command = { kind: 'group-move', group: 'db', to: 'n2', reason: '', displaces: false, ...stamp };
  assert.match(apply(found, move).refused?.message ?? '', /was found on n2/);
  assert.deepEqual(decodeState(encodeState(found)).groups['db']?.strays, found.groups['db']?.strays);
});

test('only a life of a node that does not own the group may say so', () => {
  const state = begun();
  assert.equal(apply(state, strays({ startId: 'b' })).refused?.code, 'conflict');
  const ofOwner = after(state, report('n1', 'x'), { ...assign, owner: 'n1', expectedEpoch: 1 });
  assert.equal(apply(ofOwner, strays({ node: 'n1', startId: 'x' })).refused?.code, 'conflict');
});

test('it is forgotten with the life of the node that it was found on', () => {
  const found = after(begun(), strays({ failure: 'it does not die' }));
  const ends: readonly Command[] = [
    report('n2', 'b'),
    { kind: 'node-stopped', node: 'n2', startId: 'a', how: 'looked', ...stamp },
  ];
  for (const end of ends) assert.deepEqual(after(found, end).groups['db']?.strays, []);
});

test('who has one is not removed before it is gone, or the node said to be off: its record would stay for ever', () => {
  const removal: Command = { kind: 'member-remove', name: 'n3', ...stamp };
  const joined = after(runningState(), {
    kind: 'member-add',
    member: member('n3'),
    ...stamp,
  });
  const found = after(joined, report('n3', 'c'), strays({ node: 'n3', startId: 'c' }));
  assert.match(apply(found, removal).refused?.message ?? '', /app of group db was found on n3/);
  const off: Command = { kind: 'node-stopped', node: 'n3', startId: 'c', how: 'looked', ...stamp };
  for (const end of [strays({ node: 'n3', startId: 'c', resources: [] }), off])
    assert.equal(apply(after(found, end), removal).refused, undefined);
});

test('each thing is said once', () => {
  const said = (...commands: readonly Command[]): readonly string[] =>
    after(begun(), ...commands)
      .events.filter(({ code }) => code.startsWith('group.stray'))
      .map(({ level }) => level);
  const failing = strays({ failure: 'it does not die' });
  assert.deepEqual(said(strays(), strays(), failing, failing), ['error', 'error']);
  assert.deepEqual(said(strays(), strays({ resources: [] }), strays({ resources: [] })), ['error', 'info']);
});
