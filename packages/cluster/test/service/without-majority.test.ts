/** What a node says that cannot know: of itself nothing that has ended, of the others nothing as if it were now. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainGroup } from '../../src/service/explain.ts';
import type { ClusterStatus } from '../../src/service/facade.ts';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { clusterStatus } from '../../src/service/status.ts';
import type { TieView } from '../../src/service/view.ts';
import { FakeCluster, group, volume, member } from './fake-cluster.ts';
import { settle } from './settle.ts';

function running(names: readonly string[]): FakeCluster {
  const cluster = new FakeCluster(names);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  return cluster;
}

function statusOf(cluster: FakeCluster, node: string): ClusterStatus {
  const { service } = cluster.machine(node);
  service.refresh();
  return clusterStatus(service.core);
}

test('the owner that is cut off does not say that what it has ended is online', () => {
  const cluster = running(['n1', 'n2', 'w1']);
  cluster.elect('w1');
  cluster.time.run(1000);
  cluster.machine('n1').connected = false;
  cluster.untilOnline('db', 'n2');
  assert.equal(cluster.machine('n1').monitor.running.size, 0);
  const [db] = statusOf(cluster, 'n1').groups;
  assert.equal(db?.state, 'blocked');
  assert.match(db.reason, /its lease is over: what ran here was ended, and may run elsewhere by now/);
  assert.deepEqual(
    db.resources.map(({ state }) => state),
    ['unknown', 'unknown'],
  );
  const { service } = cluster.machine('n1');
  const [first] = explainGroup(service.view, 'db').sentences;
  assert.equal(first, 'n1 is not in contact with a majority: this is what it knew when it last was.');
  assert.equal(statusOf(cluster, 'n2').groups[0]?.reason, '', 'who knows says nothing of that');
});

test('of what others run it says that it does not know', () => {
  const cluster = running(['n1', 'n2', 'w1']);
  cluster.machine('n2').connected = false;
  cluster.time.run(3000);
  const [db] = statusOf(cluster, 'n2').groups;
  assert.equal(db?.owner, 'n1');
  assert.equal(db.reason, 'n2 is not in contact with a majority: this is what it knew when it last was');
});

test('the lease of another’s group is known to who leads now, not to who led before', () => {
  const cluster = running(['n1', 'n2', 'w1']);
  cluster.elect('n2');
  cluster.time.run(1000);
  assert((statusOf(cluster, 'n2').groups[0]?.leaseRemainingMs ?? 0) > 0);
  cluster.elect('w1');
  cluster.time.run(5000);
  assert.equal(statusOf(cluster, 'n2').groups[0]?.leaseRemainingMs, null);
});

test('a node of a pair that is alone says what ends that', () => {
  const lines = (tie: TieView | undefined): readonly string[] => {
    const cluster = running(['n1', 'n2']);
    cluster.machine('n2').connected = false;
    cluster.time.run(3000);
    cluster.pair = { tieOf: () => tie } as never;
    return statusOf(cluster, 'n2').warnings;
  };
  const word: TieView = { kind: 'proof', votes: true, trouble: undefined, held: undefined };
  const told = 'If n1 is certain to be off, say so here: `eterne node confirm-stopped n1`.';
  const none =
    'There is no tie-breaker: n2 starts nothing before n1 is back; if it never will be: `eterne cluster recover`.';
  assert(lines(word).includes(told));
  assert(lines(undefined).includes(none));
  assert(lines({ ...word, votes: false }).includes(none));
  const heldByDisk = lines({ ...word, kind: 'disk' });
  assert(!heldByDisk.includes(told) && !heldByDisk.includes(none));
});

test('a pair that waits for a witness is told that no word would help it', async () => {
  const cluster = running(['n1', 'n2']);
  const nor = (): boolean =>
    statusOf(cluster, 'n1').warnings.some((line) => line.startsWith('Nor could one'));
  assert(!nor());
  const world = { clock: cluster.time, timers: cluster.time };
  const facade = new LiveFacade(cluster.machine('n1').service, world);
  await settle(cluster, facade.configApply({ cluster: { tieBreaker: { kind: 'witness' } } }, 'me'));
  assert(nor());
});

test('a node that was removed and runs on says so first', () => {
  const cluster = running(['n1', 'n2', 'w1', 'n3']);
  cluster.submit({ kind: 'member-remove', name: 'n3', atMs: 0 });
  cluster.time.run(1000);
  assert.match(
    statusOf(cluster, 'n3').warnings[0] ?? '',
    /^n3 is no member of this cluster any more: stop it/,
  );
  assert(!statusOf(cluster, 'n1').warnings.some((line) => line.includes('member')));
});

test('… also where another machine has its name', () => {
  const cluster = running(['n1', 'n2', 'w1', 'n3']);
  cluster.powerOff('n3');
  cluster.time.until(() => cluster.state().members['n3']?.presence === 'lost', 3000, 'n3 is lost');
  cluster.submit({ kind: 'member-add', member: { ...member('n3'), voterId: 'another' }, atMs: 0 });
  cluster.powerOn('n3');
  cluster.time.run(1000);
  assert.match(
    statusOf(cluster, 'n3').warnings[0] ?? '',
    /^n3 is no member of this cluster any more: stop it/,
  );
});
