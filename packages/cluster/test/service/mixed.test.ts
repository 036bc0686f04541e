/** Programs of two ages in one cluster, beyond what the scenario `mixed-versions` tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDocument } from '../../src/service/config/document.ts';
import { planDocument } from '../../src/service/config/plan.ts';
import { clusterStatus } from '../../src/service/status.ts';
import { LEVELS } from '../../src/state/levels.ts';
import { checkEntry, FIRST } from '../state/levels/ages.ts';
import { FakeCluster, type Program } from './fake-cluster.ts';

const OLDER: Program = { levels: FIRST, check: (bytes) => checkEntry(bytes, FIRST, LEVELS) };

const MEMBERS = ['n1', 'n2', 'w1'];

/** All began as older ones. */
function mixed(...older: readonly string[]): FakeCluster {
  const cluster = new FakeCluster(MEMBERS, new Map(MEMBERS.map((name) => [name, OLDER])));
  for (const name of MEMBERS) if (!older.includes(name)) cluster.exchange(name);
  cluster.time.run(1500);
  return cluster;
}

test('status tells the level, that of every program, and whom the cluster waits for', () => {
  const cluster = mixed('n1', 'w1');
  const { core } = cluster.machine('n2').service;
  const status = clusterStatus(core);
  assert.deepEqual(status.features, { level: 1, highest: LEVELS.program, waitsFor: ['n1', 'w1'] });
  assert.deepEqual(
    status.nodes.map(({ name, featureLevel }) => [name, featureLevel]),
    [
      ['n1', 1],
      ['n2', LEVELS.program],
      ['w1', 1],
    ],
  );
  assert.ok(
    status.warnings.includes(
      `n1, w1 run an older program than the others: the cluster keeps to feature level 1 until everybody knows ${LEVELS.program}.`,
    ),
  );
  assert.deepEqual(clusterStatus(mixed().machine('n2').service.core).features.waitsFor, []);
});

test('a plan is refused before anything is done for it', () => {
  const cluster = mixed('w1');
  const document = parseDocument({ cluster: { onShutdown: 'freeze' } });
  assert.throws(
    () => planDocument(cluster.state(), document),
    (error) =>
      error instanceof EterneError &&
      error.code === 'needs-upgrade' &&
      /w1 runs an older one/.test(error.message),
  );
  assert.deepEqual(
    planDocument(cluster.state(), parseDocument({ cluster: { onShutdown: 'move' } })).steps,
    [],
  );
});

test('a raise that comes too late to be accepted stops nobody; one that is accepted stops who cannot follow', () => {
  const cluster = mixed('w1');
  const { leaderTerm } = cluster.state();
  const raise = { kind: 'level-raise', level: LEVELS.program, atMs: 0 } as const;
  assert.throws(() => cluster.submitAt('n1', { ...raise, leaderTerm }), /older program/);
  assert.equal(cluster.ended.size, 0);
  assert.equal(cluster.state('w1').level, 1);
  // As if it had told otherwise before its program was exchanged.
  const pids = { service: 1, monitor: null, heart: 1, disk: null };
  const startId = cluster.state().members['w1']?.startId ?? '';
  cluster.machine('w1').connected = false;
  cluster.submitAt('n1', { kind: 'node-report', name: 'w1', startId, pids, level: LEVELS.program, atMs: 0 });
  cluster.time.run(500);
  assert.equal(cluster.state('n1').level, LEVELS.program);
  cluster.machine('w1').connected = true;
  cluster.machine('w1').log.catchUp(cluster.entries);
  assert.equal(cluster.ended.get('w1')?.code, 'needs-upgrade');
  assert.equal(cluster.machine('w1').service.state.level, 1);
});

test('an entry that nobody here knows stops the node with a hint, and does nothing', () => {
  const cluster = mixed();
  const before = cluster.state('n2');
  cluster.entries.push(Buffer.from('{"v":1,"command":{"kind":"sing","atMs":1}}'));
  cluster.machine('n2').log.catchUp(cluster.entries);
  const error = cluster.ended.get('n2');
  assert.deepEqual([error?.code, /upgrade it/.test(error?.hint ?? '')], ['needs-upgrade', true]);
  assert.deepEqual(cluster.state('n2'), before);
});
