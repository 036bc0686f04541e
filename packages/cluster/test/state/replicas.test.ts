import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import type { ConfigChange } from '../../src/state/commands.ts';
import type { ClusterState, VolumeSpec } from '../../src/state/model.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import { LIVES_LEVEL } from '../../src/state/levels.ts';
import { group, member, volume } from '../service/fake-cluster.ts';
import { after, foundedState, runningState } from './founded.ts';

function configured(state: ClusterState, ...changes: readonly ConfigChange[]) {
  return apply(state, { kind: 'configure', revision: state.revision, changes, atMs: 0 });
}

function withThird(): ClusterState {
  const state = after(runningState(), { kind: 'member-add', member: member('n3'), atMs: 0 });
  const { state: next, refused } = configured(state, {
    kind: 'volume-put',
    spec: volume('data', ['n1', 'n2', 'n3']),
  });
  assert.equal(refused, undefined);
  return next;
}

test('a replica comes to a running volume and is no member of its set before the primary says so', () => {
  const state = withThird();
  assert.deepEqual(state.volumes['data']?.inSyncSet.members, ['n1', 'n2']);
  assert.deepEqual(decodeState(encodeState(state)), state);
});

test('a replica goes while the volume runs: the primary proposes the set without it, and may still name it until then', () => {
  const running = withThird();
  const { state, refused } = configured(
    running,
    { kind: 'group-put', spec: { ...group('db', ['n1'], 'data') } },
    { kind: 'volume-put', spec: volume('data', ['n1', 'n3']) },
  );
  assert.equal(refused, undefined);
  const present = state.volumes['data'];
  assert.ok(present);
  assert.deepEqual(present.inSyncSet.members, ['n1', 'n2'], 'only its primary changes a served set');
  const set = {
    kind: 'volume-set',
    volume: 'data',
    node: 'n1',
    term: present.term,
    reason: '',
    atMs: 0,
  } as const;
  const expectedVersion = present.inSyncSet.version;
  const late = apply(state, { ...set, expectedVersion, members: ['n1', 'n2', 'n3'] });
  assert.equal(late.refused, undefined);
  const next = apply(late.state, { ...set, expectedVersion: expectedVersion + 1, members: ['n1', 'n3'] });
  assert.equal(next.refused, undefined);
  const back = apply(next.state, {
    ...set,
    expectedVersion: expectedVersion + 2,
    members: ['n1', 'n2', 'n3'],
  });
  assert.match(back.refused?.message ?? '', /only replicas/);
});

test('what is acknowledged stays where it can be promoted', () => {
  const running = withThird();
  const put = (spec: VolumeSpec): ConfigChange => ({ kind: 'volume-put', spec });
  const [first, ...others] = volume('data', ['n1', 'n2', 'n3']).replicas;
  assert.ok(first);
  const moved = {
    ...volume('data', ['n1', 'n2', 'n3']),
    replicas: [{ ...first, device: '/other' }, ...others],
  };
  assert.match(configured(running, put(moved)).refused?.message ?? '', /take it out before/);
  const toThird: ConfigChange = { kind: 'group-put', spec: group('db', ['n1', 'n3'], 'data') };
  const served = configured(running, toThird, put(volume('data', ['n2', 'n3'])));
  assert.match(served.refused?.message ?? '', /is served by n1/);
  const released = after(running, {
    kind: 'group-released',
    group: 'db',
    node: 'n1',
    epoch: 1,
    outcome: 'stopped',
    reason: '',
    atMs: 0,
  });
  const without = (nodes: readonly string[]) =>
    configured(released, { kind: 'group-put', spec: group('db', nodes, 'data') }, put(volume('data', nodes)));
  assert.match(without(['n3']).refused?.message ?? '', /none of the other replicas/);
  const reduced = without(['n2', 'n3']).state.volumes['data'];
  assert.deepEqual(reduced?.inSyncSet, {
    version: (running.volumes['data']?.inSyncSet.version ?? 0) + 1,
    members: ['n2'],
  });
});

test('who comes under the name of a replica that has gone does not count as one that has everything', () => {
  const running = { ...withThird(), level: LIVES_LEVEL };
  const put = (nodes: readonly string[]): ConfigChange => ({
    kind: 'volume-put',
    spec: volume('data', nodes),
  });
  const onTwo: ConfigChange = { kind: 'group-put', spec: group('db', ['n1', 'n3'], 'data') };
  const gone = configured(running, onTwo, put(['n1', 'n3'])).state;
  assert.deepEqual(
    gone.volumes['data']?.inSyncSet.members,
    ['n1', 'n2'],
    'the primary says when it has let go',
  );
  const early = configured(gone, put(['n1', 'n2', 'n3']));
  assert.match(early.refused?.message ?? '', /the replica that was on n2 has not been let go of yet/);
  const owner = gone.groups['db'];
  assert.ok(owner);
  const lost = after(gone, {
    kind: 'group-expired',
    group: 'db',
    expectedEpoch: owner.epoch,
    reason: 'n1 is lost',
    leaderTerm: gone.leaderTerm,
    atMs: 0,
  });
  assert.deepEqual(lost.volumes['data']?.inSyncSet, {
    version: (gone.volumes['data']?.inSyncSet.version ?? 0) + 1,
    members: ['n1'],
  });
  const back = configured(lost, put(['n1', 'n2', 'n3']));
  assert.equal(back.refused, undefined);
  assert.deepEqual(back.state.volumes['data']?.inSyncSet.members, ['n1']);
});

/** Asynchronous, served by n1 alone; n2 was last known to have everything until 5000. */
function lagging(asyncTakeover: 'operator' | 'auto'): ClusterState {
  const spec: VolumeSpec = { ...volume('data', ['n1', 'n2']), mode: 'async', asyncTakeover };
  const founded = foundedState();
  const configuredState = configured(
    founded,
    { kind: 'volume-put', spec },
    { kind: 'group-put', spec: group('db', ['n1', 'n2'], 'data') },
  ).state;
  const told = { disk: 'UpToDate', splitBrain: false, dirtyBytes: 0 } as const;
  const term = { number: 1, grantor: 'id' };
  return after(
    configuredState,
    {
      kind: 'group-assign',
      group: 'db',
      expectedEpoch: 0,
      owner: 'n1',
      reason: '',
      displaced: false,
      leaderTerm: 1,
      atMs: 0,
    },
    {
      kind: 'volume-promote',
      volume: 'data',
      node: 'n1',
      group: 'db',
      epoch: 1,
      expectedTerm: 0,
      reached: ['n1'],
      seenTerm: 0,
      atMs: 0,
    },
    {
      kind: 'volume-set',
      volume: 'data',
      node: 'n1',
      term,
      expectedVersion: 1,
      members: ['n1'],
      reason: '',
      atMs: 0,
    },
    {
      kind: 'volume-report',
      volume: 'data',
      node: 'n1',
      summary: [
        { node: 'n1', ...told, lagBytes: null, lagMs: null },
        { node: 'n2', ...told, lagBytes: 4096, lagMs: 2000 },
      ],
      atMs: 7000,
    },
    {
      kind: 'volume-report',
      volume: 'data',
      node: 'n1',
      summary: [
        { node: 'n1', ...told, lagBytes: null, lagMs: null },
        { node: 'n2', disk: 'Unknown', splitBrain: false, dirtyBytes: 8192, lagBytes: null, lagMs: null },
      ],
      atMs: 9000,
    },
  );
}

const giveUp = (state: ClusterState, leaderTerm = 1) =>
  apply(state, {
    kind: 'volume-give-up',
    volume: 'data',
    node: 'n2',
    expectedVersion: state.volumes['data']?.inSyncSet.version ?? 0,
    leaderTerm,
    atMs: 10_000,
  });

test('an asynchronous copy goes on without the newest writes, which are bounded, only where that is configured', () => {
  const served = lagging('auto');
  assert.equal(served.volumes['data']?.summary[1]?.hasUntilMs, 5000, 'known from before it was away');
  assert.match(giveUp(served).refused?.message ?? '', /owns volume data/);
  const expired = (state: ClusterState): ClusterState =>
    after(state, {
      kind: 'group-expired',
      group: 'db',
      expectedEpoch: 1,
      reason: '',
      leaderTerm: 1,
      atMs: 0,
    });
  assert.match(giveUp(expired(lagging('operator'))).refused?.message ?? '', /waits for an operator/);
  assert.match(giveUp(expired(served), 0).refused?.message ?? '', /leadership is over/);
  const { state, refused } = giveUp(expired(served));
  assert.equal(refused, undefined);
  const data = state.volumes['data'];
  assert.deepEqual(data?.inSyncSet.members, ['n2']);
  assert.deepEqual(data.givenUp, { node: 'n2', atMs: 10_000, hasUntilMs: 5000, lagBytes: null });
  assert.match(state.events.at(-1)?.message ?? '', /none from before 1970-01-01T00:00:05/);
  assert.deepEqual(decodeState(encodeState(state)), state);
});

test('the leader gives up only what the lost alone have, for the newest copy', async () => {
  const { place } = await import('../../src/service/leader/placement.ts');
  const served = lagging('auto');
  const db = served.groups['db'];
  assert.ok(db);
  const at = (state: ClusterState, alive: readonly string[], avoid: string | null) =>
    place(state, db, { alive: new Set(alive) }, avoid);
  const lost = at(served, ['n2'], 'n1');
  assert.equal(lost.chosen, 'n2');
  assert.deepEqual(
    lost.candidates[1]?.lacking.map(({ spec }) => spec.name),
    ['data'],
  );
  assert.equal(at(lagging('operator'), ['n2'], 'n1').chosen, null);
  assert.equal(at(served, ['n1', 'n2'], 'n1').chosen, null, 'it is away, and its primary is there');
  const following = after(served, {
    kind: 'volume-report',
    volume: 'data',
    node: 'n1',
    summary: [
      { node: 'n1', disk: 'UpToDate', splitBrain: false, dirtyBytes: 0, lagBytes: null, lagMs: null },
      { node: 'n2', disk: 'UpToDate', splitBrain: false, dirtyBytes: 0, lagBytes: 0, lagMs: 2000 },
    ],
    atMs: 9000,
  });
  const moved = at(following, ['n1', 'n2'], 'n1');
  assert.equal(moved.chosen, 'n2');
  assert.deepEqual(moved.candidates[1]?.lacking, []);
});
