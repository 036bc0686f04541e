import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateFailure } from '../../src/service/explain.ts';
import type { GroupRules, GroupSpec } from '../../src/state/model.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeCluster, group } from './fake-cluster.ts';

const NODES = ['n1', 'n2', 'n3'];

function ruled(name: string, nodes: readonly string[], rules: Partial<GroupRules>): GroupSpec {
  return { ...group(name, nodes), rules: { ...NO_RULES, ...rules } };
}

function cluster(...groups: readonly GroupSpec[]): FakeCluster {
  const made = new FakeCluster(NODES);
  made.configure([], groups);
  return made;
}

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

test('a rehearsal plays the rules through, in their order', () => {
  const made = cluster(
    group('db', NODES),
    ruled('web', NODES, { with: ['db'] }),
    ruled('log', NODES, { apart: ['db'] }),
  );
  made.untilOnline('web', 'n1');
  made.untilOnline('log', 'n2');
  const { moves } = simulateFailure(made.machine('n1').service.view, 'n1');
  assert.deepEqual(
    moves.map(({ group: name, to }) => `${name} ${to}`),
    ['db n2', 'web n2'],
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
];
for (const [what, groups, pattern] of wrong)
  test(`refused: ${what}`, () => {
    assert.throws(() => cluster(...groups), pattern);
  });
