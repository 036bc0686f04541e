/** A node that is seen on a heartbeat disk and reached by no message: it lives, and decides nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

function pair(): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.hasHeartbeatDisk = true;
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.elect('w1');
  cluster.time.run(1000);
  return cluster;
}

const facadeOf = (cluster: FakeCluster, node: string): LiveFacade =>
  new LiveFacade(cluster.machine(node).service, { clock: cluster.time, timers: cluster.time });
const eventsOf = (cluster: FakeCluster, node: string): string[] =>
  cluster
    .state()
    .events.filter((event) => event.node === node && event.code.startsWith('node.'))
    .map(({ code }) => code);

test('the owner is cut off: the majority takes over when its lease has ended for certain, and says why', () => {
  const cluster = pair();
  cluster.machine('n1').connected = false;
  const tookMs = cluster.untilOnline('db', 'n2');
  assert(tookMs > 900 && tookMs <= 1700, `took ${tookMs} ms, no longer than for one that is lost`);
  assert.equal(cluster.machine('n1').monitor.running.size, 0, 'it has ended the group by itself');
  cluster.time.run(2000);
  const status = facadeOf(cluster, 'n2').status();
  const node = status.nodes.find(({ name }) => name === 'n1');
  assert.equal(node?.state, 'online', 'lost is who is silent on every path');
  assert.equal(node.reach, 'disk');
  assert.ok(
    status.warnings.includes('n1 is seen on a heartbeat disk only: it lives, and no message reaches it.'),
  );
  assert.deepEqual(eventsOf(cluster, 'n1').slice(-2), ['node.lost', 'node.cut-off']);
  const blind = facadeOf(cluster, 'w1').status();
  assert.equal(blind.nodes[0]?.reach, 'disk', 'a witness sees no disk, and knows it from n2');
});

test('from the cut-off side: it sees the others, and starts nothing', () => {
  const cluster = pair();
  cluster.machine('n2').connected = false;
  cluster.time.run(10_000);
  assert(cluster.runs('db', 'n1'), 'the owner goes on');
  const status = facadeOf(cluster, 'n2').status();
  assert.equal(status.quorate, false);
  assert.equal(status.nodes.find(({ name }) => name === 'n1')?.reach, 'disk');
  assert.equal(cluster.machine('n2').monitor.running.size, 0);
});

test('everybody is cut off from everybody: nobody takes over, everything stops', () => {
  const cluster = pair();
  for (const node of ['n1', 'n2', 'w1']) cluster.machine(node).connected = false;
  cluster.time.run(10_000);
  for (const node of ['n1', 'n2']) assert.equal(cluster.machine(node).monitor.running.size, 0);
  assert.equal(cluster.group('db').owner, 'n1', 'nothing was decided');
});

test('a node that dies is lost: it is not said to be cut off on the way', () => {
  const cluster = pair();
  cluster.powerOff('n1');
  cluster.untilOnline('db', 'n2');
  cluster.time.run(2000);
  assert.deepEqual(eventsOf(cluster, 'n1').slice(-1), ['node.lost']);
  assert.ok(!eventsOf(cluster, 'n1').includes('node.cut-off'));
  assert.equal(facadeOf(cluster, 'n2').status().nodes[0]?.state, 'lost');
});

test('no operator can say of a node that is seen that it has stopped', async () => {
  const cluster = pair();
  cluster.machine('n1').connected = false;
  cluster.time.run(3000);
  await assert.rejects(
    facadeOf(cluster, 'n2').nodeConfirmStopped('n1', false, 'admin'),
    /it is only cut off/,
  );
});

test('a cut-off node cannot be replaced under its name, a lost one can', () => {
  const cluster = pair();
  const { name, role, addresses, api, level } = cluster.state().members['n2'] ?? assert.fail();
  const again = { name, role, addresses, api, level, voterId: 'another' };
  cluster.machine('n2').connected = false;
  cluster.time.run(3000);
  assert.throws(() => cluster.submit({ kind: 'member-add', member: again, atMs: 0 }), /not lost/);
  cluster.powerOff('n2');
  cluster.time.run(3000);
  cluster.submit({ kind: 'member-add', member: again, atMs: 0 });
});
