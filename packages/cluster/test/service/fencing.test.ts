import assert from 'node:assert/strict';
import { test } from 'node:test';
import { device } from '../fencing/device.ts';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

/** Two nodes and a witness that leads; both nodes have a fence device. `n1` owns `db`. */
function fencedPair(names: readonly string[] = ['n1', 'n2', 'w1']): FakeCluster {
  const cluster = new FakeCluster(names);
  const fencing = ['n1', 'n2'].map((node) => device({ node }));
  const config = { ...cluster.state().config, fencing };
  const { revision } = cluster.state();
  cluster.submit({ kind: 'configure', revision, changes: [{ kind: 'cluster', config }], atMs: 0 });
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.machine('n1').disk.propose('data', ['n1', 'n2'], () => {});
  for (const { monitor } of cluster.machines.values()) monitor.onFence = (node) => cluster.powerOff(node);
  cluster.elect('w1');
  cluster.time.run(1000);
  return cluster;
}

const fencesOf = (cluster: FakeCluster, node: string): number =>
  cluster.machine(node).monitor.log.filter((line) => line.startsWith('fence')).length;

test('a lost owner is fenced, and its group is free as soon as that is confirmed', () => {
  const cluster = fencedPair();
  cluster.machine('n2').monitor.fenceMs = 50;
  cluster.machine('n1').connected = false;
  const tookMs = cluster.untilOnline('db', 'n2');
  assert(tookMs < 1300, `took ${tookMs} ms, sooner than lease and grace would allow`);
  assert.equal(fencesOf(cluster, 'n2'), 1);
  assert.deepEqual(cluster.state().fences, {});
  assert(cluster.state().events.some(({ code }) => code === 'node.stopped'));
});

test('without a confirmed fence nobody takes over, however long it takes; then it is tried again', () => {
  const cluster = fencedPair();
  const { monitor } = cluster.machine('n2');
  monitor.failures.set('fence n1', 'the device is burnt');
  cluster.powerOff('n1');
  cluster.time.run(30_000);
  assert.equal(cluster.group('db').owner, 'n1');
  assert.match(cluster.state().fences['n1']?.failure ?? '', /burnt/);
  const tries = fencesOf(cluster, 'n2');
  assert(tries >= 5 && tries <= 7, `${tries} attempts in 30 s`);
  monitor.failures.clear();
  cluster.untilOnline('db', 'n2', 8000);
});

test('the operator’s word ends the waiting', () => {
  const cluster = fencedPair();
  cluster.machine('n2').monitor.failures.set('fence n1', 'the device is burnt');
  cluster.powerOff('n1');
  cluster.time.run(5000);
  const startId = cluster.state().members['n1']?.startId ?? '';
  const word = { kind: 'node-stopped', node: 'n1', how: 'admin says so', atMs: 0 } as const;
  assert.throws(() => cluster.submit({ ...word, startId: 'another life' }), /started again meanwhile/);
  cluster.submit({ ...word, startId });
  cluster.untilOnline('db', 'n2', 1000);
  assert.deepEqual(cluster.state().fences, {});
});

test('a node that is heard again before anybody began is not fenced', () => {
  const cluster = fencedPair(['n1', 'n2', 'w1', 'w2', 'w3']);
  cluster.machine('n2').connected = false;
  cluster.machine('n1').connected = false;
  cluster.time.run(1300);
  assert.equal(cluster.state().fences['n1']?.executor, null, 'there is nobody who could do it');
  cluster.machine('n1').connected = true;
  cluster.machine('n1').log.catchUp(cluster.entries);
  cluster.time.run(100);
  assert.deepEqual(cluster.state().fences, {});
  cluster.machine('n2').connected = true;
  cluster.time.run(3000);
  assert.equal(cluster.group('db').owner, 'n1');
  assert.equal(fencesOf(cluster, 'n2'), 0);
});

test('a lost executor is replaced, and a lost leader’s order is carried on by the next', () => {
  const cluster = fencedPair(['n1', 'n2', 'n3', 'w1', 'w2']);
  const config = cluster.state().config;
  assert.equal(config.fencing.length, 2);
  cluster.machine('n2').monitor.fenceMs = 60_000;
  cluster.machine('n3').monitor.fenceMs = 60_000;
  cluster.machine('n1').connected = false;
  cluster.time.run(1500);
  const first = cluster.state().fences['n1']?.executor ?? '';
  assert.notEqual(first, '');
  cluster.elect('w2');
  cluster.time.run(500);
  assert.equal(cluster.state().fences['n1']?.executor, first, 'the next leader leaves it alone');
  const second = first === 'n2' ? 'n3' : 'n2';
  cluster.machine(second).monitor.fenceMs = 100;
  cluster.powerOff(first);
  cluster.time.until(() => cluster.state().fences['n1'] === undefined, 10_000, `${second} has done it`);
  assert.equal(fencesOf(cluster, second), 1);
});

test('a restarted service does the attempt of its former life again', () => {
  const cluster = fencedPair();
  cluster.machine('n2').monitor.fenceMs = 2000;
  cluster.machine('n1').connected = false;
  cluster.time.until(() => fencesOf(cluster, 'n2') === 1, 3000, 'n2 has begun');
  cluster.stopService('n2');
  cluster.time.run(100);
  cluster.startService('n2');
  cluster.untilOnline('db', 'n2', 6000);
  assert.equal(fencesOf(cluster, 'n2'), 2);
});

test('a node that started again meanwhile keeps what it was given since', () => {
  const cluster = fencedPair();
  cluster.machine('n2').monitor.onFence = () => {};
  cluster.machine('n2').monitor.fenceMs = 3000;
  cluster.powerOff('n1');
  cluster.time.until(() => fencesOf(cluster, 'n2') === 1, 3000, 'n2 has begun');
  cluster.powerOn('n1');
  cluster.untilOnline('db', 'n2', 4000);
  const { owner, epoch } = cluster.group('db');
  cluster.time.run(4000);
  assert.equal(cluster.group('db').owner, owner);
  assert.equal(cluster.group('db').epoch, epoch);
});

test('a group that cannot be stopped has its node fenced, if its document says so', () => {
  const cluster = fencedPair();
  const spec = { ...cluster.group('db').spec, onStopFailure: 'fence' as const };
  cluster.configure([], [spec]);
  cluster.machine('n1').monitor.failures.set('stop db/app', 'it hangs');
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'test', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n2', 8000);
  assert.equal(fencesOf(cluster, 'n2'), 1);
});

test('a node in maintenance is not fenced', () => {
  const cluster = fencedPair();
  cluster.submit({ kind: 'node-mode', name: 'n1', mode: 'maintenance', atMs: 0 });
  cluster.powerOff('n1');
  cluster.time.run(10_000);
  assert.equal(fencesOf(cluster, 'n2'), 0);
  assert.equal(cluster.group('db').owner, 'n1');
});

test('a node without groups is left alone when it is lost', () => {
  const cluster = fencedPair();
  cluster.powerOff('n2');
  cluster.time.run(10_000);
  assert.equal(fencesOf(cluster, 'n1'), 0);
});

test('an operator may have a node fenced that is heard, but none without a device', () => {
  const cluster = fencedPair();
  const order = { kind: 'fence-request', reason: 'asked for', leaderTerm: null, atMs: 0 } as const;
  assert.throws(() => cluster.submit({ ...order, node: 'w1' }), /no fence device of w1/);
  cluster.submit({ ...order, node: 'n1' });
  cluster.untilOnline('db', 'n2', 3000);
  assert.equal(fencesOf(cluster, 'n2'), 1);
});

test('an operator’s order that every node has failed at is given up, and shoots nobody later', () => {
  const cluster = fencedPair(['n1', 'n2', 'n3', 'w1', 'w2']);
  const monitors = ['n2', 'n3'].map((name) => cluster.machine(name).monitor);
  for (const { failures } of monitors) failures.set('fence n1', 'the device is burnt');
  const order = { kind: 'fence-request', node: 'n1', reason: 'asked for', atMs: 0 } as const;
  cluster.submit({ ...order, leaderTerm: null });
  cluster.time.run(15_000);
  assert.deepEqual([fencesOf(cluster, 'n2'), fencesOf(cluster, 'n3')], [1, 1]);
  assert.deepEqual(cluster.state().fences, {});
  for (const { failures } of monitors) failures.clear();
  cluster.time.run(15_000);
  assert.equal(cluster.group('db').owner, 'n1');
  cluster.submit({ ...order, leaderTerm: null });
  cluster.untilOnline('db', 'n2', 3000);
});

test('an order that a reason stands behind is not given up', () => {
  const cluster = fencedPair();
  const { monitor } = cluster.machine('n2');
  monitor.failures.set('fence n1', 'the device is burnt');
  cluster.powerOff('n1');
  cluster.time.run(3000);
  cluster.submit({ kind: 'fence-request', node: 'n1', reason: 'asked for', leaderTerm: null, atMs: 0 });
  cluster.time.run(20_000);
  assert.equal(cluster.state().fences['n1']?.ordered, true);
  monitor.failures.clear();
  cluster.untilOnline('db', 'n2', 8000);
});

test('who has ordered a fence hears that it failed, and no success where the node was started again instead', async () => {
  const cluster = fencedPair();
  const { monitor, service } = cluster.machine('n2');
  const facade = new LiveFacade(service, { clock: cluster.time, timers: cluster.time });
  const ordered = async (meanwhile: () => void): Promise<string> => {
    const order = facade.nodeFence('n1', 'admin').then(
      () => 'fenced',
      (error: unknown) => String(error),
    );
    for (let beat = 0; beat < 20; beat += 1) {
      cluster.time.run(10);
      await Promise.resolve();
    }
    meanwhile();
    for (let beat = 0; beat < 200; beat += 1) {
      cluster.time.run(10);
      await Promise.resolve();
    }
    return order;
  };
  monitor.fenceMs = 1000;
  monitor.failures.set('fence n1', 'the device is burnt');
  assert.match(await ordered(() => {}), /could not be fenced: the device is burnt/);
  cluster.time.run(10_000);
  const restart = (): void => {
    cluster.powerOff('n1');
    cluster.powerOn('n1');
  };
  assert.match(await ordered(restart), /was started again/);
});

test('an order that fails stands for a while, also where another has failed long ago and was settled in another way', () => {
  const cluster = fencedPair();
  const { monitor } = cluster.machine('n2');
  monitor.failures.set('fence n1', 'the device is burnt');
  cluster.powerOff('n1');
  cluster.time.until(() => cluster.state().fences['n1']?.failure !== undefined, 5000, 'it is tried');
  cluster.time.run(500);
  const startId = cluster.state().members['n1']?.startId ?? '';
  cluster.submit({ kind: 'node-stopped', node: 'n1', startId, how: 'admin says so', atMs: 0 });
  cluster.untilOnline('db', 'n2');
  cluster.powerOn('n1');
  cluster.time.run(20_000);
  cluster.submit({ kind: 'fence-request', node: 'n1', reason: 'asked for', leaderTerm: null, atMs: 0 });
  cluster.time.run(2000);
  assert.match(cluster.state().fences['n1']?.failure ?? '', /burnt/, 'who gave the order may see why');
  cluster.time.run(5000);
  assert.deepEqual(cluster.state().fences, {});
});

test('devices that do not answer are warned of', () => {
  const cluster = fencedPair();
  const { core } = cluster.machine('n2').service;
  assert.deepEqual([...core.fenceTroubles], []);
  cluster.machine('n2').monitor.failures.set('check n1', 'no route to it');
  cluster.time.run(301_000);
  assert.deepEqual(
    [...core.fenceTroubles],
    ['The fence device of n1 cannot be used from here: no route to it.'],
  );
});
