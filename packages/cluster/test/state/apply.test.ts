import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { apply } from '../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeCommand, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import { LEVELS, LIVES_LEVEL } from '../../src/state/levels.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { after, foundedState, runningState } from './founded.ts';

const TERM = { number: 1, grantor: 'id' };
const stamp = { atMs: 0 };

function setChange(change: Partial<Extract<Command, { kind: 'volume-set' }>>): Command {
  return {
    kind: 'volume-set',
    volume: 'data',
    node: 'n1',
    term: TERM,
    expectedVersion: 1,
    members: ['n1'],
    reason: 'test',
    ...stamp,
    ...change,
  };
}

function refusalOf(state: ClusterState, command: Command): string | undefined {
  const { state: next, refused } = apply(state, command);
  if (refused) assert.equal(next, state, 'a refused entry changes nothing');
  return refused?.code;
}

test('a set is changed by the primary of the current term, with the version it knows', () => {
  const state = runningState();
  assert.equal(refusalOf(state, setChange({ node: 'n2' })), 'conflict');
  assert.equal(refusalOf(state, setChange({ term: { number: 0, grantor: 'id' } })), 'conflict');
  assert.equal(refusalOf(state, setChange({ term: { number: 1, grantor: 'other' } })), 'conflict');
  assert.equal(refusalOf(state, setChange({ expectedVersion: 0 })), 'conflict');
  assert.equal(refusalOf(state, setChange({ members: [] })), 'refused');
  assert.equal(refusalOf(state, setChange({ members: ['n1', 'w1'] })), 'refused');
  assert.equal(refusalOf(state, setChange({})), undefined);
});

test('the same set change asked twice is answered twice and made once', () => {
  const once = after(runningState(), setChange({}));
  assert.deepEqual(once.volumes['data']?.inSyncSet, { version: 2, members: ['n1'] });
  const twice = apply(once, setChange({}));
  assert.equal(twice.refused, undefined);
  assert.deepEqual(twice.state.volumes['data']?.inSyncSet, { version: 2, members: ['n1'] });
});

test('a take-over ends the old primary at once: its late proposal is refused', () => {
  const state = after(runningState(), {
    kind: 'group-assign',
    group: 'db',
    expectedEpoch: 1,
    owner: 'n2',
    reason: 'n1 is lost',
    displaced: true,
    leaderTerm: 1,
    ...stamp,
  });
  assert.equal(state.groups['db']?.epoch, 2);
  assert.equal(refusalOf(state, setChange({})), 'conflict');
});

test('a decision of a leader that is over is refused', () => {
  const state = after(runningState(), { kind: 'lead', node: 'w1', leaderTerm: 2, ...stamp });
  const late: Command = {
    kind: 'group-assign',
    group: 'db',
    expectedEpoch: 1,
    owner: 'n2',
    reason: '',
    displaced: true,
    leaderTerm: 1,
    ...stamp,
  };
  assert.equal(refusalOf(state, late), 'conflict');
  assert.equal(refusalOf(state, { kind: 'lead', node: 'n1', leaderTerm: 2, ...stamp }), 'conflict');
});

test('a promotion needs the ownership, the term it knows and a place in the set', () => {
  const state = after(runningState(), setChange({ members: ['n1'] }));
  const promotion = {
    kind: 'volume-promote',
    volume: 'data',
    node: 'n1',
    group: 'db',
    epoch: 1,
    expectedTerm: 1,
    reached: ['n1', 'n2'],
    seenTerm: 0,
    ...stamp,
  } as const;
  assert.equal(refusalOf(state, { ...promotion, node: 'n2', reached: ['n2'] }), 'conflict');
  assert.equal(refusalOf(state, { ...promotion, epoch: 0 }), 'conflict');
  assert.equal(refusalOf(state, { ...promotion, expectedTerm: 0 }), 'conflict');
  assert.equal(refusalOf(state, { ...promotion, reached: ['n2'] }), 'refused');
  const promoted = after(state, promotion);
  assert.deepEqual(promoted.volumes['data']?.term, { number: 2, grantor: 'id' });
  assert.deepEqual(promoted.volumes['data']?.inSyncSet, { version: 3, members: ['n1'] });
  const above = after(state, { ...promotion, seenTerm: 7 });
  assert.deepEqual(
    above.volumes['data']?.term,
    { number: 8, grantor: 'id' },
    'above what its replica has seen',
  );
  const taken = after(state, {
    kind: 'group-assign',
    group: 'db',
    expectedEpoch: 1,
    owner: 'n2',
    reason: '',
    displaced: true,
    leaderTerm: 1,
    ...stamp,
  });
  assert.equal(refusalOf(taken, { ...promotion, node: 'n2', epoch: 2, reached: ['n2'] }), 'refused');
});

test('edition ha takes two nodes and any witness, until it is upgraded', () => {
  const founded = foundedState();
  const ha = after(founded, {
    kind: 'configure',
    revision: 0,
    changes: [{ kind: 'cluster', config: { ...founded.config, edition: 'ha' } }],
    ...stamp,
  });
  const newcomer = {
    role: 'node',
    addresses: ['x:1'],
    api: 'x:2',
    voterId: 'x',
    level: LEVELS.program,
  } as const;
  assert.equal(
    refusalOf(ha, { kind: 'member-add', member: { ...newcomer, name: 'n3' }, ...stamp }),
    'refused',
  );
  const upgraded = after(ha, {
    kind: 'configure',
    revision: ha.revision,
    changes: [{ kind: 'cluster', config: { ...ha.config, edition: 'cluster' } }],
    ...stamp,
  });
  const grown = after(upgraded, { kind: 'member-add', member: { ...newcomer, name: 'n3' }, ...stamp });
  assert.deepEqual(grown.groups, ha.groups);
  assert.equal(
    refusalOf(grown, {
      kind: 'configure',
      revision: grown.revision,
      changes: [{ kind: 'cluster', config: ha.config }],
      ...stamp,
    }),
    'refused',
    'three nodes do not fit back',
  );
});

test('a join token is used once, and not after its time', () => {
  const state = after(foundedState(), {
    kind: 'token-add',
    hash: 'h',
    token: { expiresAtMs: 100 },
    ...stamp,
  });
  assert.equal(refusalOf(state, { kind: 'token-use', hash: 'h', atMs: 100 }), 'unauthorized');
  const used = after(state, { kind: 'token-use', hash: 'h', atMs: 99 });
  assert.equal(refusalOf(used, { kind: 'token-use', hash: 'h', atMs: 99 }), 'unauthorized');
});

test('a snapshot gives the same state; a damaged one is refused', () => {
  const state = runningState();
  assert.deepEqual(decodeState(encodeState(state)), state);
  const damaged = Buffer.from(
    encodeState(state).toString().replace('"phase":"starting"', '"phase":"dancing"'),
  );
  assert.throws(() => decodeState(damaged), /groups\.db\.phase/);
  assert.throws(() => decodeState(Buffer.from('{"v":2,"state":{}}')), /version 2/);
  assert.throws(() => decodeCommand(Buffer.from('{"v":1,"command":{"kind":"sing"}}'), 1), /sing/);
});

const node = fc.constantFrom('n1', 'n2');
const small = fc.integer({ min: 0, max: 4 });
const members = fc.subarray(['n1', 'n2']);
/** Anything that nodes may propose about one group and its volume, timely or late. */
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('volume-set' as const),
    volume: fc.constant('data'),
    node,
    term: fc.record({ number: small, grantor: fc.constant('id') }),
    expectedVersion: small,
    members,
    reason: fc.constant(''),
    atMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant('volume-promote' as const),
    volume: fc.constant('data'),
    node,
    group: fc.constant('db'),
    epoch: small,
    expectedTerm: small,
    reached: members,
    seenTerm: small,
    atMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant('group-assign' as const),
    group: fc.constant('db'),
    expectedEpoch: small,
    owner: node,
    reason: fc.constant(''),
    displaced: fc.boolean(),
    leaderTerm: fc.integer({ min: 1, max: 2 }),
    atMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant('group-released' as const),
    group: fc.constant('db'),
    node,
    epoch: small,
    outcome: fc.constantFrom('stopped' as const, 'failed' as const),
    reason: fc.constant(''),
    atMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant('lead' as const),
    node,
    leaderTerm: fc.integer({ min: 1, max: 3 }),
    atMs: fc.constant(0),
  }),
);

test('whatever is proposed, terms, epochs and set versions rise, and a set shrinks or grows only by its primary', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 40 }), (commands) => {
      let state = runningState();
      for (const command of commands) {
        const before = state;
        const { level } = before;
        state = apply(before, decodeCommand(encodeCommand(command, level), level)).state;
        checkStep(before, state, command);
      }
    }),
    { numRuns: 300 },
  );
});

function checkStep(before: ClusterState, now: ClusterState, command: Command): void {
  const [old, volume] = [before.volumes['data'], now.volumes['data']];
  const [oldGroup, group] = [before.groups['db'], now.groups['db']];
  assert(old && volume && oldGroup && group);
  assert(volume.term.number >= old.term.number && group.epoch >= oldGroup.epoch);
  assert(now.leaderTerm >= before.leaderTerm);
  if (volume.term.number > old.term.number)
    assert(volume.primary !== null && old.inSyncSet.members.includes(volume.primary));
  if (volume.inSyncSet !== old.inSyncSet) {
    assert.equal(volume.inSyncSet.version, old.inSyncSet.version + 1);
    assert(volume.inSyncSet.members.length > 0);
    assert(
      command.kind === 'volume-promote' || (command.kind === 'volume-set' && command.node === old.primary),
    );
  }
  if (volume.primary !== null) assert.equal(volume.primary, group.owner);
  if (group.owner !== oldGroup.owner && group.owner !== null) assert(group.epoch > oldGroup.epoch);
}

test('what the leader decided before it heard of an order takes nothing back of that; another word of a person does', () => {
  const ordered: Command = {
    kind: 'group-move',
    group: 'db',
    to: 'n2',
    reason: 'asked for',
    displaces: false,
    by: 'ann',
    ...stamp,
  };
  const decided: Command = {
    kind: 'group-move',
    group: 'db',
    to: null,
    reason: 'trouble',
    displaces: true,
    ...stamp,
  };
  const state = after(runningState(), ordered);
  assert.equal(refusalOf(state, decided), 'conflict');
  assert.equal(after(runningState(), decided, ordered).groups['db']?.move?.to, 'n2');
  assert.equal(after(state, { ...ordered, reason: 'sooner' }).groups['db']?.move?.reason, 'sooner');
  const older = { ...state, level: LIVES_LEVEL - 1 };
  assert.equal(after(older, decided).groups['db']?.move?.to, null, 'as older programs take it');
});
