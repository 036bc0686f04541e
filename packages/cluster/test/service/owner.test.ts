import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCluster, group, volume } from './fake-cluster.ts';

function pair(): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.elect('w1');
  cluster.time.run(1000);
  cluster.machine('n1').monitor.log.length = 0;
  return cluster;
}

const order = (cluster: FakeCluster, command: 'started' | 'stopped'): void =>
  cluster.submit({ kind: 'group-desire', group: 'db', desired: command, atMs: 0 });

test('a failed application is restarted in place, and only it', () => {
  const cluster = pair();
  cluster.machine('n1').monitor.crash('db', 'app');
  cluster.time.run(200);
  assert.deepEqual(cluster.machine('n1').monitor.log, ['stop db/app', 'start db/app']);
  cluster.untilOnline('db', 'n1');
});

test('when its restarts are used up the group moves', () => {
  const cluster = pair();
  for (let failure = 0; failure < 3; failure += 1) {
    cluster.machine('n1').monitor.crash('db', 'app');
    cluster.time.run(300);
  }
  cluster.untilOnline('db', 'n2');
  assert.equal(cluster.group('db').failures.filter(({ node }) => node === 'n1').length, 3);
});

test('it fails everywhere: blocked with the reasons, and tried again when the failures are old', () => {
  const cluster = pair();
  for (const node of ['n1', 'n2']) cluster.machine(node).monitor.failures.set('start db/app', 'no such file');
  cluster.machine('n1').monitor.crash('db', 'app');
  cluster.time.until(() => cluster.group('db').phase === 'blocked', 10_000, 'blocked');
  assert.match(cluster.group('db').reason, /n1 could not keep app .* n2 could not keep app/);
  for (const node of ['n1', 'n2']) cluster.machine(node).monitor.failures.clear();
  cluster.time.run(50_000);
  assert.equal(cluster.group('db').phase, 'blocked');
  cluster.untilOnline('db', 'n1', 20_000);
});

test('a stop that fails blocks the group where it is; the operator clears it', () => {
  const cluster = pair();
  cluster.machine('n1').monitor.failures.set('stop db/app', 'it hangs');
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'test', displaces: false, atMs: 0 });
  cluster.time.run(5000);
  assert.equal(cluster.group('db').phase, 'blocked');
  assert.equal(cluster.group('db').owner, 'n1');
  assert.match(cluster.group('db').reason, /app could not be stopped: it hangs/);
  assert.equal(cluster.machine('n2').monitor.running.size, 0);
  cluster.machine('n1').monitor.failures.clear();
  order(cluster, 'stopped');
  cluster.time.run(1000);
  assert.equal(cluster.group('db').phase, 'stopped');
  assert.equal(cluster.group('db').owner, null);
});

test('a move stops in reverse order, starts on the other node, and leaves no residue', () => {
  const cluster = pair();
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'asked', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n2');
  assert.deepEqual(cluster.machine('n1').monitor.log, ['stop db/app', 'stop db/vol']);
  assert.equal(cluster.group('db').move, null);
  assert.equal(cluster.group('db').displaced, false);
  assert.equal(cluster.machine('n1').disk.volumes.get('data')?.role, 'secondary');
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n1', 'n2']);
});

test('stopped by the operator it stays stopped, through restarts, until started', () => {
  const cluster = pair();
  order(cluster, 'stopped');
  cluster.time.run(3000);
  assert.equal(cluster.group('db').phase, 'stopped');
  order(cluster, 'started');
  cluster.untilOnline('db', 'n1');
});

test('a restarted service adopts what runs', () => {
  const cluster = pair();
  cluster.stopService('n1');
  cluster.time.run(400);
  cluster.startService('n1');
  cluster.time.run(3000);
  assert.deepEqual(cluster.machine('n1').monitor.log, ['probe db/vol', 'probe db/app']);
  assert(cluster.runs('db', 'n1'));
  assert.equal(cluster.group('db').phase, 'online');
});

test('a service that ends between the start of a resource and the word of what it offers has it started anew, and counts no failure', () => {
  const cluster = pair();
  const plain = group('db', ['n1', 'n2'], 'data');
  const [mirror] = plain.resources;
  assert(mirror);
  const first = { ...mirror, name: 'first', type: 'app', params: {} };
  order(cluster, 'stopped');
  cluster.time.run(2000);
  cluster.configure([], [{ ...plain, resources: [first, ...plain.resources] }]);
  order(cluster, 'started');
  const { monitor, log } = cluster.machine('n1');
  cluster.time.until(() => monitor.log.includes('start db/vol'), 5000, 'the volume is attached');
  cluster.stopService('n1');
  cluster.time.run(100);
  assert(monitor.running.has('db/vol') && !monitor.running.has('db/app') && log.closed);
  cluster.startService('n1');
  cluster.untilOnline('db', 'n1');
  assert.deepEqual(cluster.group('db').failures, []);
});

test('an application that died while the service was away is started again', () => {
  const cluster = pair();
  cluster.stopService('n1');
  cluster.machine('n1').monitor.running.delete('db/app');
  cluster.time.run(400);
  cluster.startService('n1');
  cluster.time.run(1000);
  assert.deepEqual(cluster.machine('n1').monitor.log, ['probe db/vol', 'probe db/app', 'start db/app']);
});

test('a restarted disk process is promoted again in a new term, and what stands on it is restarted', () => {
  const cluster = pair();
  const before = cluster.state().volumes['data']?.term.number ?? 0;
  cluster.machine('n1').disk.crash(300);
  cluster.time.run(100);
  cluster.untilOnline('db', 'n1');
  assert.deepEqual(cluster.machine('n1').monitor.log, [
    'stop db/app',
    'stop db/vol',
    'start db/vol',
    'start db/app',
  ]);
  assert.equal(cluster.state().volumes['data']?.term.number, before + 1);
});

test('standby empties a node; failback brings home only what was driven away', () => {
  const cluster = pair();
  const spec = { ...group('db', ['n1', 'n2'], 'data'), failback: { enabled: true, window: null } };
  cluster.configure([], [spec]);
  cluster.submit({ kind: 'node-mode', name: 'n1', mode: 'standby', atMs: 0 });
  cluster.untilOnline('db', 'n2');
  cluster.submit({ kind: 'node-mode', name: 'n1', mode: 'active', atMs: 0 });
  cluster.untilOnline('db', 'n1', 15_000);
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'asked', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n2');
  cluster.time.run(30_000);
  assert.equal(cluster.group('db').owner, 'n2');
});

test('in maintenance nothing is done about failures', () => {
  const cluster = pair();
  cluster.submit({ kind: 'node-mode', name: 'n1', mode: 'maintenance', atMs: 0 });
  cluster.machine('n1').monitor.crash('db', 'app');
  cluster.time.run(5000);
  assert.deepEqual(cluster.machine('n1').monitor.log, []);
  assert.equal(cluster.group('db').owner, 'n1');
});

test('a node that leaves politely hands its groups over', () => {
  const cluster = pair();
  let left = false;
  cluster.machine('n1').service.leave(10_000, () => (left = true));
  const tookMs = cluster.untilOnline('db', 'n2');
  assert(left && tookMs < 1000, `took ${tookMs} ms`);
});

test('the arbiter stays silent without a majority and answers when it is back', () => {
  const cluster = pair();
  const answers: string[] = [];
  cluster.machine('n1').connected = false;
  cluster.machine('n1').disk.propose('data', ['n1'], (given) => answers.push(given.kind));
  cluster.time.run(700);
  assert.deepEqual(answers, []);
  cluster.machine('n1').connected = true;
  cluster.machine('n1').log.catchUp(cluster.entries);
  cluster.time.run(700);
  assert.deepEqual(answers, ['committed']);
});

test('the arbiter refuses the primary of an older term', () => {
  const cluster = pair();
  cluster.machine('n1').connected = false;
  cluster.untilOnline('db', 'n2');
  const answers: string[] = [];
  cluster.machine('n1').disk.propose('data', ['n1'], (given) => answers.push(given.kind));
  cluster.machine('n1').connected = true;
  cluster.machine('n1').log.catchUp(cluster.entries);
  cluster.time.run(1000);
  assert.deepEqual(answers, ['refused']);
});

test('a node that leaves without a majority stops its groups and does not wait for the cluster', () => {
  const cluster = pair();
  for (const other of ['n2', 'w1']) cluster.machine(other).connected = false;
  let left = false;
  cluster.machine('n1').service.leave(10_000, () => (left = true));
  cluster.time.until(() => left, 1000, 'n1 has left');
  assert.deepEqual(cluster.machine('n1').monitor.log, ['stop db/app', 'stop db/vol']);
  assert.equal(cluster.machine('n1').monitor.running.size, 0);
});

test('a node without groups tells the cluster before it leaves', () => {
  const cluster = pair();
  let left = false;
  cluster.machine('n2').service.leave(10_000, () => (left = true));
  cluster.time.until(() => left, 1000, 'n2 has left');
  assert.equal(cluster.state().members['n2']?.presence, 'leaving');
});

test('a node that is to leave before its log is open leaves as soon as the cluster knows of its life', () => {
  const cluster = pair();
  cluster.powerOff('n2');
  cluster.time.run(3000);
  let left = false;
  cluster.powerOn('n2', (service) => service.leave(10_000, () => (left = true)));
  cluster.time.until(() => left, 1000, 'n2 has left');
  assert.equal(cluster.state().members['n2']?.presence, 'leaving');
});

test('a node that was not heard while it leaves says again that it does', () => {
  const cluster = pair();
  const { service, heart, monitor } = cluster.machine('n1');
  monitor.startMs = 60_000;
  service.leave(120_000, () => {});
  const isPresent = (presence: string) => (): boolean => cluster.state().members['n1']?.presence === presence;
  cluster.time.until(isPresent('leaving'), 1000, 'the cluster knows');
  heart.up = false;
  cluster.time.until(isPresent('lost'), 5000, 'n1 is lost');
  heart.up = true;
  cluster.time.until(isPresent('online'), 2000, 'n1 is heard again');
  cluster.time.until(isPresent('leaving'), 500, 'the cluster knows again');
});

test('a release without an answer binds: nothing is started in that epoch any more', () => {
  const cluster = pair();
  cluster.machine('n1').log.loseAnswers = 1;
  order(cluster, 'stopped');
  cluster.time.until(() => cluster.machine('n1').monitor.running.size === 0, 1000, 'stopped');
  order(cluster, 'started');
  cluster.time.run(3000);
  const epochs = cluster.machine('n1').monitor.log.filter((line) => line === 'kill db').length;
  assert.equal(epochs, 1, 'it begins again only with a new epoch');
  cluster.untilOnline('db', 'n1');
});

test('a group is not let go while nobody knows whether its volume is still served', () => {
  const cluster = pair();
  cluster.machine('n1').disk.hangUp(2000);
  order(cluster, 'stopped');
  cluster.time.run(1500);
  assert.equal(cluster.group('db').owner, 'n1');
  cluster.time.until(() => cluster.group('db').owner === null, 2000, 'let go');
  assert.equal(cluster.machine('n1').disk.volumes.get('data')?.role, 'secondary');
});

test('what cannot be stopped is killed, where that is configured, and the group moves on', () => {
  const cluster = pair();
  cluster.configure([], [{ ...group('db', ['n1', 'n2'], 'data'), onStopFailure: 'kill' }]);
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'test', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n2');
  cluster.machine('n2').monitor.failures.set('stop db/app', 'it hangs');
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n1', reason: 'test', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n1');
  assert(cluster.machine('n2').monitor.log.includes('kill db'));
});

test('a kill that leaves something lets nothing go, is tried again, and blocks the group with what is left', () => {
  const cluster = pair();
  const { monitor } = cluster.machine('n1');
  // As an operator would who has seen it blocked.
  cluster.configure([], [{ ...group('db', ['n1', 'n2'], 'data'), onStopFailure: 'kill' }]);
  monitor.failures.set('stop db/app', 'it hangs');
  monitor.failures.set('kill db', 'group db: umount: target is busy');
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'test', displaces: false, atMs: 0 });
  cluster.time.run(2000);
  assert.equal(cluster.group('db').phase, 'stopping');
  assert.match(cluster.group('db').reason, /what is left of it on n1 cannot be taken away: .*target is busy/);
  cluster.time.run(10_000);
  assert.equal(cluster.group('db').phase, 'blocked');
  assert.equal(cluster.group('db').owner, 'n1');
  monitor.failures.clear();
  cluster.untilOnline('db', 'n2');
});

test('what dies while it is being stopped has not failed', () => {
  const cluster = pair();
  const { monitor } = cluster.machine('n1');
  monitor.crash('db', 'vol');
  cluster.time.until(() => monitor.log.includes('stop db/app'), 500, 'the application is being stopped');
  monitor.crash('db', 'app');
  cluster.untilOnline('db', 'n1');
  assert.deepEqual(
    cluster.group('db').failures.map(({ resource }) => resource),
    ['vol'],
  );
});

test('a service that was started anew does not take its node for idle before it has looked at what runs', () => {
  const cluster = pair();
  cluster.stopService('n1');
  for (const other of ['n2', 'w1']) cluster.powerOff(other);
  cluster.startService('n1');
  const { service, monitor } = cluster.machine('n1');
  service?.leave(60_000, () => {});
  assert.ok(monitor.running.has('db/app'));
  assert.equal(service?.core.hasLeft(), false);
  assert.equal(service?.core.hasLetGo(), false);
  cluster.time.until(
    () => service.core.hasLeft(),
    3000,
    'every right is over, and nobody is there to hear that it leaves',
  );
  assert.equal(monitor.running.size, 0, 'what it left running was killed by then');
  assert.equal(service?.core.hasLetGo(), false);
});

test('a service that was started anew and is to leave at once stops in order what the one before left running', () => {
  const cluster = pair();
  cluster.stopService('n1');
  cluster.startService('n1');
  const { service, monitor } = cluster.machine('n1');
  let left = false;
  service.leave(10_000, () => {
    left = true;
    assert.equal(monitor.running.size, 0, 'nothing runs when it has left');
  });
  cluster.time.until(() => left, 5000, 'n1 has left');
  assert.deepEqual(monitor.log.slice(-2), ['stop db/app', 'stop db/vol']);
});

test('a group that may be restarted more often than failures are kept leaves its node all the same', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const spec = group('db', ['n1', 'n2']);
  const [resource] = spec.resources;
  assert(resource);
  const restart = { attempts: 100, windowMs: 3_600_000 };
  cluster.configure([], [{ ...spec, resources: [{ ...resource, restart }] }]);
  cluster.untilOnline('db', 'n1');
  for (let failure = 0; failure < 70 && cluster.group('db').owner === 'n1'; failure += 1) {
    cluster.machine('n1').monitor.crash('db', 'app');
    cluster.time.run(300);
  }
  cluster.untilOnline('db', 'n2');
});

test('a node that is stopped waits for stops that are under way, and not for a group that cannot be stopped', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.elect('w1');
  cluster.configure([], [group('db', ['n1', 'n2'])]);
  cluster.untilOnline('db', 'n1');
  const { monitor, service } = cluster.machine('n1');
  monitor.startMs = 40_000;
  let left = false;
  service.leave(20_000, () => (left = true), false, 600_000);
  cluster.time.run(30_000);
  assert.equal(left, false);
  cluster.time.run(11_000);
  assert.equal(left, true);
  cluster.untilOnline('db', 'n2');
  const other = cluster.machine('n2');
  other.monitor.failures.set('stop db/app', 'it hangs');
  let over = false;
  other.service.leave(20_000, () => (over = true), false, 600_000);
  cluster.time.run(21_000);
  assert.equal(over, true);
});
