import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupRules, GroupSpec } from '../../src/state/model.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeCluster, group } from './fake-cluster.ts';

const NODES = ['n1', 'n2', 'n3'];

function taking(name: string, seats: number, rules: Partial<GroupRules> = {}, nodes = NODES): GroupSpec {
  return { ...group(name, nodes), demand: { seats }, rules: { ...NO_RULES, ...rules } };
}

function cluster(seats: Readonly<Record<string, number>>, ...groups: readonly GroupSpec[]): FakeCluster {
  const made = new FakeCluster(NODES);
  made.submit({
    kind: 'configure',
    revision: made.state().revision,
    changes: [
      ...Object.entries(seats).map(([name, amount]) => ({
        kind: 'node-put' as const,
        name,
        capacity: { seats: amount },
      })),
      ...groups.map((spec) => ({ kind: 'group-put' as const, spec })),
    ],
    atMs: 0,
  });
  return made;
}

test('a full node is passed over, also when several groups are placed at the same moment', () => {
  const made = cluster(
    { n1: 3, n2: 2, n3: 2 },
    taking('a', 2),
    taking('b', 2),
    taking('c', 1),
    taking('d', 1),
  );
  made.untilOnline('a', 'n1');
  made.untilOnline('b', 'n2');
  made.untilOnline('c', 'n1');
  made.untilOnline('d', 'n3');
});

test('what does not fit any more after a loss waits, says why, and starts when there is room', () => {
  const made = cluster(
    { n1: 2, n2: 2, n3: 1 },
    taking('a', 2, {}, ['n1', 'n2']),
    taking('b', 2, {}, ['n2', 'n1']),
  );
  made.untilOnline('a', 'n1');
  made.untilOnline('b', 'n2');
  made.elect('n3');
  made.time.run(500);
  made.powerOff('n1');
  made.time.run(5000);
  assert.equal(made.group('a').phase, 'blocked');
  assert.match(made.group('a').reason, /n1 is not heard, n2 has 0 of seats left, and the group takes 2/);
  made.submit({ kind: 'group-desire', group: 'b', desired: 'stopped', atMs: 0 });
  made.untilOnline('a', 'n2');
});

const wrong: [string, Readonly<Record<string, number>>, readonly GroupSpec[], RegExp][] = [
  [
    'more than a node of the group has',
    { n1: 4, n2: 1, n3: 4 },
    [taking('a', 2)],
    /group a takes 2 of seats, but n2, where it may run, has 1/,
  ],
  ['a quantity that nobody has', {}, [taking('a', 1)], /takes 1 of seats, but n1, where it may run, has 0/],
  [
    'partners that fit nowhere together',
    { n1: 2, n2: 2, n3: 2 },
    [taking('a', 2), taking('b', 1, { with: ['a'] })],
    /groups b, a are to run together, but none of n1, n2, n3 has room for all of them/,
  ],
  [
    'more than all nodes have',
    { n1: 1, n2: 1, n3: 1 },
    ['a', 'b', 'c', 'd'].map((name) => taking(name, 1)),
    /all groups together take 4 of seats, but all nodes together have 3/,
  ],
];
for (const [what, seats, groups, pattern] of wrong)
  test(`refused: ${what}`, () => {
    assert.throws(() => cluster(seats, ...groups), pattern);
  });
