/** Which member of the cluster a machine is, not only by which name it goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heartSetup } from '../../src/service/heart-setup.ts';
import { replicaOf } from '../../src/service/replicas.ts';
import { apply } from '../../src/state/apply.ts';
import { LIVES_LEVEL } from '../../src/state/levels.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { after, runningState, seenBy } from '../state/founded.ts';
import { FakeCluster, group, member, volume } from './fake-cluster.ts';

const PLACES = {
  metadataPath: (name: string) => `/meta/${name}`,
  exportAddress: (name: string) => `unix:/run/${name}`,
  rescuePath: (name: string) => `/rescue/${name}`,
};

/** Another machine is n2 now, and has its replica to fill. */
function replaced(): ClusterState {
  const running = runningState();
  const lost = after(running, {
    kind: 'node-presence',
    name: 'n2',
    presence: 'lost',
    leaderTerm: 1,
    atMs: 0,
  });
  return after(lost, { kind: 'member-add', member: { ...member('n2'), voterId: 'another' }, atMs: 0 });
}

function replicaAt(state: ClusterState, self: string) {
  const volume = state.volumes['data'];
  assert(volume);
  return replicaOf(seenBy(state, self), volume, PLACES);
}

test('a disk process is told which members the names of its peers are, once every program tells it', () => {
  const state = runningState();
  assert.equal(state.level, LIVES_LEVEL);
  assert.deepEqual(replicaAt(state, 'n1')?.config.lives, { n1: 'n1-voter', n2: 'n2-voter' });
  assert.deepEqual(replicaAt(replaced(), 'n1')?.config.lives, { n1: 'n1-voter', n2: 'another' });
  assert.equal(replicaAt({ ...state, level: LIVES_LEVEL - 1 }, 'n1')?.config.lives, undefined);
});

test('whoever had a name before opens no replica of the one that has it now, and takes none of its addresses', () => {
  const state = replaced();
  assert.equal(replicaAt(state, 'n2'), undefined);
  assert.equal(heartSetup(seenBy(state, 'n2')), undefined);
  assert.ok(heartSetup({ ...seenBy(state, 'n2'), life: 'another' }));
});

test('whoever had a name before does not tell in it that it has started', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const before = cluster.state().members['n2'];
  cluster.powerOff('n2');
  cluster.time.until(() => cluster.state().members['n2']?.presence === 'lost', 3000, 'n2 is lost');
  cluster.submit({ kind: 'member-add', member: { ...member('n2'), voterId: 'another' }, atMs: 0 });
  cluster.powerOn('n2');
  cluster.time.run(2000);
  const { startId, incarnation } = cluster.state().members['n2'] ?? assert.fail();
  assert.deepEqual({ startId, incarnation }, { startId: before?.startId, incarnation: before?.incarnation });
});

test('a set takes in the member that was seen to have everything, and not who has its name by now', () => {
  const alone = after(runningState(), {
    kind: 'volume-set',
    volume: 'data',
    node: 'n1',
    term: { number: 1, grantor: 'id' },
    expectedVersion: 1,
    members: ['n1'],
    reason: 'n2 is lost',
    atMs: 0,
  });
  const back = {
    kind: 'volume-set',
    volume: 'data',
    node: 'n1',
    term: { number: 1, grantor: 'id' },
    expectedVersion: alone.volumes['data']?.inSyncSet.version ?? assert.fail(),
    members: ['n1', 'n2'],
    lives: { n2: 'n2-voter' },
    reason: 'n2 is in sync',
    atMs: 0,
  } as const;
  assert.equal(apply(alone, back).refused, undefined);
  const lost = { kind: 'node-presence', name: 'n2', presence: 'lost', leaderTerm: 1, atMs: 0 } as const;
  const another = { ...member('n2'), voterId: 'another' };
  const other = after(alone, lost, { kind: 'member-add', member: another, atMs: 0 });
  assert.equal(apply(other, back).refused?.code, 'conflict');
  assert.equal(apply(other, { ...back, lives: { n2: 'another' } }).refused, undefined);
});

test('a term takes over the member that was reached, and not who has its name by now', () => {
  const running = runningState();
  const again = {
    kind: 'volume-promote',
    volume: 'data',
    node: 'n1',
    group: 'db',
    epoch: running.groups['db']?.epoch ?? assert.fail(),
    expectedTerm: 1,
    reached: ['n1', 'n2'],
    lives: { n2: 'n2-voter' },
    seenTerm: 0,
    atMs: 0,
  } as const;
  const membersAfter = (state: ClusterState, lives: Readonly<Record<string, string>>): readonly string[] =>
    after(state, { ...again, lives }).volumes['data']?.inSyncSet.members ?? [];
  assert.deepEqual(membersAfter(running, again.lives), ['n1', 'n2']);
  assert.deepEqual(membersAfter(replaced(), again.lives), ['n1']);
  assert.deepEqual(membersAfter(replaced(), { n2: 'another' }), ['n1', 'n2']);
});

test('an owner says which members it has reached', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.machine('n1').disk.staleLives.set('n2', 'who was n2');
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n1']);
});
