import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateFailure } from '../../src/service/simulate.ts';
import type { GroupRules, GroupSpec, VolumeSpec } from '../../src/state/model.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

const NODES = ['n1', 'n2', 'n3'];

function ruled(name: string, nodes: readonly string[], rules: Partial<GroupRules>): GroupSpec {
  return { ...group(name, nodes), rules: { ...NO_RULES, ...rules } };
}

function cluster(...groups: readonly GroupSpec[]): FakeCluster {
  const made = new FakeCluster(NODES);
  made.configure([], groups);
  return made;
}

function of(name: string, type: string, params: Record<string, unknown>): GroupSpec {
  const spec = group(name, NODES);
  const [app] = spec.resources;
  assert(app);
  return { ...spec, resources: [{ ...app, type, params }] };
}
const ip = (name: string, address: string): GroupSpec => of(name, 'ip', { address });
const fs = (name: string, device: string, directory: string): GroupSpec =>
  of(name, 'filesystem', { device, directory });

test('two partitions of one disk, and one disk name on different nodes, are different disks', () => {
  const made = cluster(
    fs('a', '/dev/sdb1', '/a'),
    fs('b', '/dev/sdb2', '/b'),
    { ...fs('c', '/dev/sdc', '/c'), nodes: ['n1'] },
    { ...fs('d', '/dev/sdc', '/c'), nodes: ['n2'] },
  );
  made.untilOnline('d', 'n2');
});

test('two volumes on one LUN are refused, from whatever nodes they reach it', () => {
  const made = new FakeCluster(NODES);
  const lun = (name: string, node: string): VolumeSpec => ({
    ...volume(name, [node]),
    replicas: [{ node, device: 'iscsi://10.0.0.7/iqn.2026-11.x:t/1' }],
  });
  assert.throws(
    () => made.configure([lun('a', 'n1'), lun('b', 'n2')], []),
    /volume a and volume b are on the same disk/,
  );
});

const move = (made: FakeCluster, name: string, to: string): void =>
  made.submit({ kind: 'group-move', group: name, to, reason: 'test', displaces: false, atMs: 0 });

test('with: it starts where the other runs, and follows it', () => {
  const made = cluster(group('db', ['n2', 'n1']), ruled('web', ['n1', 'n2', 'n3'], { with: ['db'] }));
  made.untilOnline('web', 'n2');
  move(made, 'db', 'n1');
  made.untilOnline('web', 'n1');
  assert.equal(made.group('db').owner, 'n1');
});

test('with: it waits while the other runs nowhere, and says so', () => {
  const made = cluster(group('db', ['n1']), ruled('web', ['n1'], { with: ['db'] }));
  made.untilOnline('web', 'n1');
  for (const name of ['db', 'web'])
    made.submit({ kind: 'group-desire', group: name, desired: 'stopped', atMs: 0 });
  made.time.run(1000);
  made.submit({ kind: 'group-desire', group: 'web', desired: 'started', atMs: 0 });
  made.time.run(1000);
  assert.match(made.group('web').reason, /has to wait for group db/);
});

test('apart: it starts elsewhere, and gives way when the other comes', () => {
  const made = cluster(group('db', NODES), ruled('web', NODES, { apart: ['db'] }));
  made.untilOnline('web', 'n2');
  move(made, 'db', 'n2');
  made.untilOnline('db', 'n2');
  made.untilOnline('web', 'n1');
});

test('after: it is started when the other is online, not before', () => {
  const slow = group('db', ['n1']);
  const made = cluster(slow, ruled('web', ['n2'], { after: ['db'] }));
  made.untilOnline('web', 'n2');
  const starts = made.state().events.filter(({ code }) => code === 'group.online');
  assert.deepEqual(
    starts.map((event) => event.group),
    ['db', 'web'],
  );
});

test('after: an operator’s order where it is to go stands while it waits for the other', () => {
  const made = cluster(group('db', NODES), ruled('web', NODES, { after: ['db'] }));
  made.untilOnline('web', 'n1');
  made.machine('n1').monitor.startMs = 500;
  move(made, 'db', 'n3');
  made.machine('n1').monitor.startMs = 20;
  move(made, 'web', 'n2');
  made.time.until(() => made.group('web').owner === null, 1000, 'web is stopped');
  assert.notEqual(made.group('db').phase, 'online');
  made.untilOnline('web', 'n2');
});

test('a rehearsal plays the rules through, in their order', () => {
  const made = cluster(
    group('db', NODES),
    ruled('web', NODES, { with: ['db'] }),
    ruled('log', NODES, { apart: ['db'] }),
  );
  made.untilOnline('web', 'n1');
  made.untilOnline('log', 'n2');
  const { moves } = simulateFailure(made.machine('n1').service.view, ['n1']);
  assert.deepEqual(
    moves.map(({ group: name, to }) => `${name} ${to}`),
    ['db n2', 'web n2', 'log n3'],
  );
  made.elect('n3');
  made.time.run(500);
  made.powerOff('n1');
  made.untilOnline('web', 'n2');
  made.untilOnline('log', 'n3');
});

const wrong: [string, readonly GroupSpec[], RegExp][] = [
  ['an unknown group', [ruled('web', NODES, { after: ['nope'] })], /group nope, which does not exist/],
  [
    'a circle',
    [
      ruled('a', NODES, { with: ['b'] }),
      ruled('b', NODES, { after: ['c'] }),
      ruled('c', NODES, { apart: ['a'] }),
    ],
    /go round in a circle/,
  ],
  ['itself', [ruled('a', NODES, { apart: ['a'] })], /circle/],
  [
    'a contradiction',
    [group('a', NODES), ruled('b', NODES, { with: ['a'], apart: ['a'] })],
    /with group a and apart/,
  ],
  ['no node in common', [group('a', ['n1']), ruled('b', ['n2'], { with: ['a'] })], /no node in common/],
  [
    'no node in common, round a corner',
    [
      group('a', ['n1', 'n2']),
      ruled('b', ['n1', 'n2', 'n3'], { with: ['a'] }),
      ruled('c', ['n3'], { with: ['b'] }),
    ],
    /group c is to run with group b and a, but they have no node in common/,
  ],
  [
    'with one whose partner it keeps apart from',
    [group('a', NODES), ruled('b', NODES, { with: ['a'] }), ruled('c', NODES, { with: ['b'], apart: ['a'] })],
    /group c is to run with group b and a, but c apart from a/,
  ],
  [
    'apart without another node',
    [group('a', ['n1']), ruled('b', ['n1'], { apart: ['a'] })],
    /group b is to run apart from group a, but both may run on n1 only/,
  ],
  ['one address in two groups', [ip('a', '10.0.0.9/24'), ip('b', '10.0.0.9/16')], /same address 10\.0\.0\.9/],
  [
    'one directory in two groups',
    [fs('a', '/dev/x', '/srv'), fs('b', '/dev/y', '/srv/')],
    /same directory \/srv/,
  ],
  [
    'one disk in two groups',
    [fs('a', '/dev/sdb', '/a'), fs('b', '/dev/sdb', '/b')],
    /same disk \/dev\/sdb of n1/,
  ],
  [
    'a disk and its partition',
    [fs('a', '/dev/nvme0n1', '/a'), fs('b', '/dev/nvme0n1p2', '/b')],
    /groups? a and group b overlap on a disk of n1: \/dev\/nvme0n1 and \/dev\/nvme0n1p2/,
  ],
];
for (const [what, groups, pattern] of wrong)
  test(`refused: ${what}`, () => {
    assert.throws(() => cluster(...groups), pattern);
  });
