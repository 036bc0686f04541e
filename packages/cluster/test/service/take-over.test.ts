import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCluster, group, member, volume } from './fake-cluster.ts';

function pair(): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  return cluster;
}

test('a new group starts on its preferred node, in order, with the outputs of the mirror', () => {
  const cluster = pair();
  assert.deepEqual(cluster.machine('n1').monitor.log, ['kill db', 'start db/vol', 'start db/app']);
  const state = cluster.state();
  assert.equal(state.volumes['data']?.primary, 'n1');
  assert.deepEqual(state.volumes['data']?.inSyncSet.members, ['n1', 'n2']);
  assert.deepEqual(cluster.group('db').resources[0]?.outputs, { device: 'dev-of-vol' });
});

test('the owner, not the leader, loses power: the other node takes over after lease, grace and margin', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(1000);
  cluster.powerOff('n1');
  const tookMs = cluster.untilOnline('db', 'n2');
  assert(tookMs > 900 && tookMs <= 1700, `took ${tookMs} ms`);
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n2']);
  assert(cluster.state().volumes['data']?.primary === 'n2');
});

test('a node that is started again frees its groups only when its monitor has taken away what was left of them', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: 'wanted', displaces: false, atMs: 0 });
  cluster.untilOnline('db', 'n2');
  const { monitor } = cluster.machine('n2');
  cluster.stopService('n2');
  cluster.machine('n2').disk.crash(10);
  monitor.running.delete('db/vol');
  monitor.isClearing = true;
  cluster.powerOn('n2');
  cluster.time.run(3000);
  assert.deepEqual([...monitor.running], ['db/app'], 'such as a unit of systemd');
  assert.equal(cluster.group('db').owner, 'n2');
  monitor.cleared();
  cluster.untilOnline('db', 'n1');
});

test('the owner is the leader: the new leader waits from its election', () => {
  const cluster = pair();
  cluster.powerOff('n1');
  cluster.time.run(900);
  cluster.elect('n2');
  const tookMs = 900 + cluster.untilOnline('db', 'n2');
  assert(tookMs > 1800 && tookMs <= 2100, `took ${tookMs} ms`);
});

test('a new leader never takes over before leases of its predecessor, grace and margin are over', () => {
  const cluster = pair();
  cluster.elect('n2');
  cluster.time.run(500);
  cluster.machine('n1').connected = false;
  cluster.time.run(1200);
  cluster.elect('w1');
  const epoch = cluster.group('db').epoch;
  cluster.time.run(880);
  assert.equal(cluster.group('db').epoch, epoch);
  cluster.untilOnline('db', 'n2');
});

test('an isolated owner ends its group by itself, and joins again as a standby', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.machine('n1').connected = false;
  cluster.untilOnline('db', 'n2');
  assert.equal(cluster.machine('n1').monitor.running.size, 0);
  cluster.machine('n1').connected = true;
  cluster.machine('n1').log.catchUp(cluster.entries);
  cluster.time.run(3000);
  assert.equal(cluster.group('db').owner, 'n2');
  assert(cluster.runs('db', 'n2'));
  assert.equal(cluster.machine('n1').disk.volumes.get('data')?.role, 'secondary');
});

test('without a majority nobody takes over, and the owner stops', () => {
  const cluster = pair();
  cluster.machine('n1').connected = false;
  cluster.machine('w1').connected = false;
  cluster.time.run(10_000);
  for (const node of ['n1', 'n2']) assert.equal(cluster.machine(node).monitor.running.size, 0);
});

test('a short silence costs nothing: the group goes on where it is', () => {
  const cluster = pair();
  const { epoch } = cluster.group('db');
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.machine('n1').connected = false;
  cluster.time.run(1100);
  cluster.machine('n1').connected = true;
  cluster.machine('n1').log.catchUp(cluster.entries);
  cluster.time.run(3000);
  assert.equal(cluster.group('db').epoch, epoch);
  assert(cluster.runs('db', 'n1'));
  assert(!cluster.machine('n1').monitor.log.includes('stop db/app'));
});

test('a replica that is opened again is told what was committed while its node was away', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.powerOff('n1');
  cluster.untilOnline('db', 'n2');
  const { disk } = cluster.machine('n1');
  disk.told.clear();
  cluster.powerOn('n1');
  cluster.time.until(() => disk.told.has('data'), 5000, 'it is opened');
  const { inSyncSet, term } = cluster.state().volumes['data'] ?? assert.fail();
  assert.deepEqual(inSyncSet.members, ['n2']);
  assert.deepEqual(disk.told.get('data'), { term, set: inSyncSet });
});

test('a replica outside the in-sync set is never promoted', () => {
  const cluster = pair();
  cluster.elect('w1');
  let answer = '';
  cluster.machine('n1').disk.propose('data', ['n1'], (given) => (answer = given.kind));
  cluster.time.run(100);
  assert.equal(answer, 'committed');
  cluster.powerOff('n1');
  cluster.time.run(5000);
  assert.equal(cluster.group('db').owner, null);
  assert.equal(cluster.group('db').phase, 'blocked');
  assert.match(cluster.group('db').reason, /n2 does not hold every acknowledged write/);
  cluster.powerOn('n1');
  cluster.untilOnline('db', 'n1');
});

test('the whole cluster loses power and comes back: the group runs, rather where it had not been written', () => {
  const cluster = pair();
  for (const node of ['n1', 'n2', 'w1']) cluster.powerOff(node);
  cluster.time.run(5000);
  for (const node of ['w1', 'n2', 'n1']) cluster.powerOn(node);
  cluster.elect('w1');
  cluster.time.until(() => cluster.runs('db', 'n2'), 5000, 'db runs on n2');
  cluster.untilOnline('db', 'n2');
});

test('the operator may let an older copy go on, once nothing runs any more', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.machine('n1').disk.propose('data', ['n1'], () => {});
  cluster.time.run(100);
  assert.throws(
    () => cluster.submit({ kind: 'volume-accept-loss', volume: 'data', node: 'n2', atMs: 0 }),
    /owns volume/,
  );
  cluster.powerOff('n1');
  cluster.time.until(() => cluster.group('db').phase === 'blocked', 5000, 'blocked');
  cluster.submit({ kind: 'volume-accept-loss', volume: 'data', node: 'n2', atMs: 0 });
  cluster.untilOnline('db', 'n2');
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n2']);
});

test('nobody is told that a loss was accepted before the older copy serves: whoever comes back with everything may still be its source', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.machine('n1').disk.propose('data', ['n1'], () => {});
  cluster.time.run(100);
  cluster.powerOff('n1');
  cluster.time.until(() => cluster.group('db').phase === 'blocked', 5000, 'blocked');
  cluster.submit({ kind: 'group-desire', group: 'db', desired: 'stopped', atMs: 0 });
  cluster.submit({ kind: 'volume-accept-loss', volume: 'data', node: 'n2', atMs: 0 });
  const { disk } = cluster.machine('n1');
  disk.told.clear();
  cluster.powerOn('n1');
  cluster.time.until(() => disk.told.has('data'), 5000, 'it is opened');
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n2']);
  assert.equal(disk.told.get('data'), undefined);
});

test('a blank replica is not promoted, whatever the log says of it', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.machine('n2').disk.volumes.delete('data');
  cluster.machine('n2').disk.crash(100);
  cluster.machine('n2').disk.forget('data');
  cluster.time.run(1000);
  cluster.powerOff('n1');
  cluster.time.run(6000);
  assert.notEqual(cluster.group('db').phase, 'online');
  assert(cluster.state().events.some(({ message }) => /on n2 is blank/.test(message)));
});

test('nor is the only member, when there was another one before', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.powerOff('n2');
  cluster.machine('n1').disk.propose('data', ['n1'], () => {});
  cluster.time.run(100);
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n1']);
  cluster.powerOff('n1');
  cluster.machine('n1').disk.volumes.delete('data');
  cluster.machine('n1').disk.forget('data');
  cluster.powerOn('n1');
  cluster.time.run(6000);
  assert.notEqual(cluster.group('db').phase, 'online');
  assert(cluster.state().events.some(({ message }) => /on n1 is blank/.test(message)));
});

test('a replica whose content was given up, or whose disk was exchanged, is not promoted before it was copied to', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.machine('n2').disk.diskStates.set('data', 'Inconsistent');
  cluster.machine('n2').disk.changed();
  cluster.powerOff('n1');
  cluster.time.run(6000);
  assert.notEqual(cluster.group('db').phase, 'online');
  assert(cluster.state().events.some(({ message }) => /on n2 is blank/.test(message)));
});

test('an owner that restarts at once is not trusted with what it had not flushed: another member goes on', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.powerOff('n1');
  cluster.time.run(100);
  cluster.powerOn('n1');
  const tookMs = cluster.untilOnline('db', 'n2');
  assert(tookMs < 1000, `took ${tookMs} ms`);
  assert.deepEqual(cluster.state().volumes['data']?.inSyncSet.members, ['n2']);
  assert.equal(cluster.machine('n1').monitor.running.size, 0);
});

test('alone, the restarted owner goes on with what it has', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.submit({ kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 0 });
  cluster.powerOff('n1');
  cluster.time.run(100);
  cluster.powerOn('n1');
  cluster.time.until(() => cluster.runs('db', 'n1'), 3000, 'db runs on n1');
});

test('an owner that is heard again after a take-over without an answer does not stay without a lease', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  const { log } = cluster.machine('w1');
  log.loses = 'group-assign';
  log.loseAnswers = 1000;
  cluster.machine('n1').connected = false;
  cluster.time.until(() => log.loseAnswers < 1000, 10_000, 'a take-over was tried');
  cluster.machine('n1').connected = true;
  cluster.time.run(5000);
  log.loseAnswers = 0;
  cluster.time.until(() => cluster.group('db').phase === 'online', 10_000, 'online again');
});

test('requests of an owner that is not heard are not answered: they would put off the take-over for ever', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  const { heart } = cluster.machine('w1');
  cluster.machine('n1').connected = false;
  let sequence = 1000;
  const oneWay = cluster.time.every(150, () =>
    heart.hearRequest({
      node: 'n1',
      bootId: 'boot',
      sequence: sequence++,
      sentAtBootMs: cluster.time.bootMs(),
    }),
  );
  cluster.untilOnline('db', 'n2');
  oneWay.cancel();
});

test('a new leader answers at once what the hearts asked while nobody led', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  const { heart } = cluster.machine('n1');
  const validUntil = (): number => heart.leases.get('db')?.validUntilBootMs ?? 0;
  cluster.leader = undefined;
  const known = validUntil();
  const askedMs = 150 - (cluster.time.bootMs() % 150);
  cluster.time.run(askedMs + 450);
  assert.equal(validUntil(), known);
  cluster.elect('n2');
  cluster.time.run(40);
  assert(validUntil() > known, 'without another request');
  assert(validUntil() <= cluster.time.bootMs() + 650);
  assert(cluster.runs('db', 'n1'));
});

test('a node that lost its log comes back only when its former groups are taken', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.powerOff('n1');
  const again = { ...member('n1'), voterId: 'another' };
  cluster.time.until(() => cluster.state().members['n1']?.presence === 'lost', 2000, 'n1 is lost');
  assert.equal(cluster.group('db').owner, 'n1');
  assert.throws(() => cluster.submit({ kind: 'member-add', member: again, atMs: 0 }), /has not been taken/);
  cluster.untilOnline('db', 'n2');
  cluster.submit({ kind: 'member-add', member: again, atMs: 0 });
  assert.equal(cluster.state().members['n1']?.voterId, 'another');
});

test('a group on its way home whose preferred node is lost before it is there goes home when that is back', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const failback = { enabled: true, window: null };
  cluster.configure([], [{ ...group('db', ['n1', 'n2']), failback, onStopFailure: 'kill' }]);
  cluster.untilOnline('db', 'n1');
  cluster.elect('w1');
  cluster.powerOff('n1');
  cluster.untilOnline('db', 'n2');
  const { failures } = cluster.machine('n2').monitor;
  failures.set('stop db/app', 'it takes a while');
  failures.set('kill db', 'it takes a while');
  cluster.powerOn('n1');
  cluster.time.until(() => cluster.group('db').move !== null, 20_000, 'on its way home');
  cluster.powerOff('n1');
  cluster.time.run(2000);
  failures.clear();
  cluster.time.until(() => cluster.group('db').owner === null, 5000, 'let go of');
  cluster.untilOnline('db', 'n2');
  cluster.powerOn('n1');
  cluster.untilOnline('db', 'n1', 20_000);
});
