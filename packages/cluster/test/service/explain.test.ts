import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_DROPS } from '../../src/heart/drops.ts';
import { EterneError } from '@eterne/base';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { betterLeader, Steward } from '../../src/service/leader/steward.ts';
import { encodeState } from '../../src/state/codec.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';
import { settle } from './settle.ts';

function pair(): { cluster: FakeCluster; facade: LiveFacade } {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  const world = { clock: cluster.time, timers: cluster.time };
  return { cluster, facade: new LiveFacade(cluster.machine('n2').service, world) };
}

test('status is the shape of INTERFACE, from any node', () => {
  const { facade } = pair();
  const status = facade.status();
  assert.equal(status.reportedBy, 'n2');
  assert.equal(status.leader, 'n1');
  assert.deepEqual(
    status.nodes.map(({ name, state }) => `${name} ${state}`),
    ['n1 online', 'n2 online', 'w1 online'],
  );
  assert.deepEqual(status.volumes[0]?.inSyncSet, ['n1', 'n2']);
  const [db] = status.groups;
  assert(db?.state === 'online' && db.owner === 'n1' && db.protected);
  assert.deepEqual(status.warnings, []);
});

test('a node that is lost in standby is said to be in standby still', () => {
  const { cluster, facade } = pair();
  cluster.submit({ kind: 'node-mode', name: 'n1', mode: 'standby', atMs: 0 });
  cluster.untilOnline('db', 'n2');
  cluster.elect('w1');
  cluster.powerOff('n1');
  cluster.time.run(3000);
  const [n1] = facade.status().nodes;
  assert.deepEqual([n1?.state, n1?.mode], ['lost', 'standby']);
});

test('what is on its way to a copy is told only while its primary is heard', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const data = { ...volume('data', ['n1', 'n2']), mode: 'async' } as const;
  cluster.configure([data], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.time.run(1000);
  const world = { clock: cluster.time, timers: cluster.time };
  const facade = new LiveFacade(cluster.machine('w1').service, world);
  const lag = (): number | null | undefined => facade.status().volumes[0]?.replicas[1]?.lagBytes;
  assert.equal(lag(), 0);
  cluster.elect('w1');
  cluster.powerOff('n1');
  cluster.time.until(() => facade.status().nodes[0]?.state === 'lost', 3000, 'n1 is lost');
  assert.equal(cluster.state('w1').volumes['data']?.summary[1]?.lagBytes, 0, 'as it was last told');
  assert.equal(lag(), null);
});

test('a rehearsed failure says what moves where, and what really happens then is that', () => {
  const { cluster, facade } = pair();
  const rehearsal = facade.simulate({ kind: 'fail', nodes: ['n1'] });
  assert.deepEqual(
    rehearsal.moves.map(({ group: name, to }) => [name, to]),
    [['db', 'n2']],
  );
  cluster.elect('w1');
  cluster.time.run(500);
  cluster.powerOff('n1');
  const tookMs = cluster.untilOnline('db', 'n2');
  const expected = rehearsal.moves[0]?.expectedOutageMs ?? 0;
  assert(tookMs <= expected + 200, `${tookMs} ms, expected ${expected} ms`);
  const unprotected = facade.simulate({ kind: 'fail', nodes: ['n2'] });
  assert.equal(unprotected.quorate, false);
  assert.equal(unprotected.moves[0]?.to, null);
  assert.equal(facade.status().groups[0]?.protected, false);
});

test('an explanation names owner, alternatives and obstacles', () => {
  const { cluster, facade } = pair();
  cluster.submit({ kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 0 });
  const { owner, chosen, sentences, candidates } = facade.groupExplain('db');
  assert.equal(owner, 'n1');
  assert.equal(chosen, 'n1');
  assert.equal(candidates.find(({ node }) => node === 'n2')?.reason, 'is in standby');
  assert(sentences.some((sentence) => sentence.startsWith('If n1 stopped it would run on no node')));
  assert.throws(() => facade.groupExplain('nope'), EterneError);
});

test('an explanation says where to read of a failure, and what forgets it', () => {
  const { cluster, facade } = pair();
  const told = (): boolean =>
    facade
      .groupExplain('db')
      .sentences.some((sentence) => sentence.includes('`eterne group start db` forgets'));
  assert(!told());
  const failure = {
    group: 'db',
    node: 'n1',
    epoch: cluster.group('db').epoch,
    resource: 'app',
    reason: 'no user',
  };
  cluster.submit({ kind: 'resource-failed', ...failure, gaveUp: true, atMs: 0 });
  assert(told());
});

test('a move that nobody could take is refused before anything stops', async () => {
  const { cluster, facade } = pair();
  cluster.submit({ kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 0 });
  await assert.rejects(
    settle(cluster, facade.groupMove('db', 'n2', 'me')),
    /n2 cannot take group db: it is in standby/,
  );
  await assert.rejects(settle(cluster, facade.groupMove('db', 'w1', 'me')), /not among its nodes/);
  await assert.rejects(settle(cluster, facade.groupMove('db', undefined, 'me')), /no node can take group db/);
  assert.equal(cluster.group('db').phase, 'online');
});

test('a move that names no node leaves the preferred one, and comes back to it', async () => {
  const { cluster, facade } = pair();
  await settle(cluster, facade.groupMove('db', undefined, 'me'));
  cluster.untilOnline('db', 'n2');
  await settle(cluster, facade.groupMove('db', undefined, 'me'));
  cluster.untilOnline('db', 'n1');
});

test('a drill really moves the group and tells the outage', async () => {
  const { cluster, facade } = pair();
  const result = await settle(cluster, facade.drill('db', 'me'));
  assert.deepEqual([result.from, result.to], ['n1', 'n2']);
  assert(result.outageMs > 50 && result.outageMs < 1000, `${result.outageMs} ms`);
  assert(cluster.runs('db', 'n2'));
  assert.equal(result.writes, null);
  assert.match(result.sentence, /writes could not be counted/);
});

/** A group with a file system runs on n1. */
function mountWeb(cluster: FakeCluster): void {
  const mounted = group('web', ['n1', 'n2']);
  const [app] = mounted.resources;
  assert(app);
  const fs = { ...app, name: 'fs', type: 'filesystem', params: { directory: '/srv/web' } };
  cluster.configure([], [{ ...mounted, resources: [fs, app] }]);
  cluster.untilOnline('web', 'n1');
}

test('a drill of a group with a file system counts what was written before it and found after it', async () => {
  const { cluster, facade } = pair();
  mountWeb(cluster);
  const result = await settle(cluster, facade.drill('web', 'me'));
  assert(result.writes !== null && result.writes.acknowledged > 150, JSON.stringify(result));
  assert.equal(result.writes.lost, 0);
  const { log } = cluster.machine('n1').monitor;
  assert(
    log.indexOf('stop web/app') < log.indexOf('drill end'),
    'written as long as the file system is there',
  );
  assert(log.indexOf('drill end') < log.indexOf('stop web/fs'));
  assert.equal(cluster.group('web').drill, null);
});

test('a drill that is given up before the group is moved leaves nothing that writes on its file system', () => {
  const { cluster } = pair();
  mountWeb(cluster);
  const { log } = cluster.machine('n1').monitor;
  cluster.submit({ kind: 'drill-begin', group: 'web', drill: 'a', directory: '/srv/web', atMs: 0 });
  cluster.time.run(200);
  cluster.submit({ kind: 'drill-end', group: 'web', drill: 'a', atMs: 0 });
  cluster.time.run(200);
  assert.deepEqual(
    log.filter((line) => line.startsWith('drill')),
    ['drill write', 'drill end'],
  );
});

test('a refused order comes back as the error of the state', async () => {
  const { cluster, facade } = pair();
  const code = (error: unknown): string => (error instanceof EterneError ? error.code : String(error));
  await settle(cluster, facade.groupDelete('db', 'me')).catch((error: unknown) =>
    assert.equal(code(error), 'refused'),
  );
  await settle(cluster, facade.nodeRemove('n2', false, 'me')).catch((error: unknown) =>
    assert.equal(code(error), 'refused'),
  );
  await assert.rejects(settle(cluster, facade.tokenUse('unknown')), /unknown, used or expired/);
  await assert.rejects(
    settle(cluster, facade.volumeCreate({ name: 'data', size: '1MiB', replicas: { n1: '/x' } }, 'me')),
    EterneError,
  );
});

test('a witness leads, or else a node that owns nothing', () => {
  const { cluster } = pair();
  const { view } = cluster.machine('n1').service;
  const voters = ['n1', 'n2', 'w1'].map((name) => ({ id: `${name}#${name}-voter`, role: 'voter' as const }));
  const path = (peer: string, latencyMs: number) => ({
    peer,
    kind: 'udp' as const,
    path: 'udp',
    up: true,
    lossPercent: 0,
    latencyMs,
    ageMs: 0,
    trouble: null,
    dropped: NO_DROPS,
  });
  view.paths = [path('n2', 1), path('w1', 1)];
  assert.equal(betterLeader(view, voters)?.name, 'w1');
  view.paths = [path('n2', 1), path('w1', 80)];
  assert.equal(betterLeader(view, voters)?.name, 'n2');
  assert.equal(betterLeader(view, voters.slice(0, 1)), undefined);
  const follower = cluster.machine('n2').service.view;
  assert.equal(betterLeader(follower, voters), undefined);
  cluster.elect('n2');
  cluster.time.run(500);
  follower.paths = [path('n1', 1), path('w1', 1)];
  assert.equal(betterLeader(follower, voters)?.name, 'w1', 'a witness never owns anything');
  assert.equal(betterLeader(follower, voters.slice(0, 2)), undefined, 'an idle node stays leader');
  cluster.elect('w1');
  cluster.time.run(500);
  assert.equal(betterLeader(cluster.machine('w1').service.view, voters), undefined);
});

test('who still leads after a hand-over begins another one each time later', () => {
  const { cluster } = pair();
  const { view } = cluster.machine('n1').service;
  const voters = ['n1', 'n2', 'w1'].map((name) => ({ id: `${name}#${name}-voter`, role: 'voter' as const }));
  const udp = { kind: 'udp' as const, path: 'udp', up: true, lossPercent: 0, latencyMs: 1, ageMs: 0 };
  const paths = [{ ...udp, peer: 'w1', trouble: null, dropped: NO_DROPS }];
  const begun: number[] = [];
  const startMs = cluster.time.bootMs();
  const transferLeadership = (): undefined =>
    void begun.push(Math.floor((cluster.time.bootMs() - startMs) / 1000));
  new Steward(cluster.time, { members: () => voters, transferLeadership }, () => {
    view.paths = paths;
    return view;
  });
  cluster.time.run(60_000);
  assert.deepEqual(begun, [0, 2, 6, 14, 30]);
});

test('a node that has just started does not show what it remembers as what is', () => {
  const { cluster } = pair();
  cluster.machine('n2').connected = false;
  cluster.stopService('n2');
  cluster.startService('n2');
  const { service } = cluster.machine('n2');
  service.subject.restoreSnapshot(encodeState(cluster.state('n1')), 1);
  cluster.time.run(100);
  const status = new LiveFacade(service, { clock: cluster.time, timers: cluster.time }).status();
  assert.deepEqual([status.quorate, status.leader], [false, null]);
  assert.deepEqual(status.volumes[0]?.inSyncSet, []);
  assert.equal(status.groups[0]?.owner, null);
  assert.match(status.groups[0]?.reason ?? '', /just started/);
});
