import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inWindow } from '../../src/service/leader/failback.ts';
import { place } from '../../src/service/leader/placement.ts';
import type { ClusterState, GroupState } from '../../src/state/model.ts';
import { after, runningState } from '../state/founded.ts';

const stamp = { atMs: 0 };
const all = { alive: new Set(['n1', 'n2', 'w1']) };

function db(state: ClusterState): GroupState {
  const group = state.groups['db'];
  assert(group);
  return group;
}

const obstacle = (state: ClusterState, node: string, seen = all): string | undefined =>
  place(state, db(state), seen).candidates.find((candidate) => candidate.node === node)?.reason;

test('the first of the preferred nodes that may run it, with the reason of every other', () => {
  const state = runningState();
  assert.equal(place(state, db(state), all).chosen, 'n1');
  assert.equal(place(state, db(state), all).reason, 'n1 is ready; it is the preferred node');
  const { chosen, reason } = place(state, db(state), { alive: new Set(['n2']) });
  assert.equal(chosen, 'n2');
  assert.match(reason, /first of the preferred nodes that may run it \(n1 is not heard\)/);
});

test('every obstacle has its sentence', () => {
  const state = runningState();
  const change = (...commands: Parameters<typeof after>[1][]): ClusterState => after(state, ...commands);
  assert.equal(obstacle(state, 'n1', { alive: new Set() }), 'is not heard');
  assert.equal(
    obstacle(change({ kind: 'node-mode', name: 'n1', mode: 'standby', ...stamp }), 'n1'),
    'is in standby',
  );
  assert.equal(obstacle(change({ kind: 'node-leaving', name: 'n1', ...stamp }), 'n1'), 'is being stopped');
  const failed = { group: 'db', node: 'n1', epoch: 1, resource: 'app', reason: 'x', gaveUp: true } as const;
  assert.match(
    obstacle(change({ kind: 'resource-failed', ...failed, ...stamp }), 'n1') ?? '',
    /could not keep app running/,
  );
  const term = { number: 1, grantor: 'id' };
  const alone = { kind: 'volume-set', volume: 'data', node: 'n1', term, reason: '', ...stamp } as const;
  assert.match(
    obstacle(change({ ...alone, expectedVersion: 1, members: ['n1'] }), 'n2') ?? '',
    /does not hold every acknowledged write of volume data/,
  );
});

test('the target of a move is preferred while it may run the group, and only then', () => {
  const moving = after(runningState(), {
    kind: 'group-move',
    group: 'db',
    to: 'n2',
    reason: 'asked for',
    displaces: false,
    ...stamp,
  });
  assert.equal(place(moving, db(moving), all).chosen, 'n2');
  assert.equal(place(moving, db(moving), all).reason, 'n2 is ready; asked for');
  assert.equal(place(moving, db(moving), { alive: new Set(['n1']) }).chosen, 'n1');
});

test('a failback window is in the time zone of the cluster and may wrap midnight', () => {
  const at = (time: string): number => Date.parse(`2026-01-05T${time}:00Z`);
  assert(inWindow(null, at('12:00'), 'UTC'));
  assert(inWindow('02:00-04:00', at('02:00'), 'UTC'));
  assert(!inWindow('02:00-04:00', at('04:00'), 'UTC'));
  assert(inWindow('02:00-04:00', at('18:30'), 'Asia/Shanghai'));
  assert(!inWindow('02:00-04:00', at('02:30'), 'Asia/Shanghai'));
  for (const inside of ['22:00', '23:59', '00:00', '03:59'])
    assert(inWindow('22:00-04:00', at(inside), 'UTC'));
  for (const outside of ['21:59', '04:00', '12:00']) assert(!inWindow('22:00-04:00', at(outside), 'UTC'));
});
