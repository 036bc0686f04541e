import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import type { ClusterState, VolumeState } from '../../src/state/model.ts';
import type { VolumeOrder } from '../../src/state/volume-orders.ts';
import { runningState } from './founded.ts';

const inSync = (): ClusterState => withVolume({ inSyncSet: { version: 2, members: ['n1', 'n2'] } });

/** n1 serves `data`; both are in sync. */
function order(node: string, given: VolumeOrder, state = inSync()) {
  return apply(state, {
    kind: 'volume-order',
    volume: 'data',
    node,
    order: given,
    atMs: 0,
    by: 'admin@10.0.0.9',
  });
}

function withVolume(change: Partial<VolumeState>, state = runningState()): ClusterState {
  const data = state.volumes['data'];
  assert.ok(data);
  return { ...state, volumes: { data: { ...data, ...change } } };
}

test('an order is written down with who gave it, and changes nothing else', () => {
  const before = inSync();
  const { state, refused } = order('n2', { verb: 'verify', fast: false, repair: true });
  assert.equal(refused, undefined);
  const event = state.events.at(-1);
  assert.equal(event?.by, 'admin@10.0.0.9');
  assert.match(
    event?.message ?? '',
    /the copy of data on n2 is to be compared with the others, and repaired/,
  );
  assert.deepEqual(state.volumes, before.volumes);
});

test('what is served, and the last copy that has everything, is not given up', () => {
  const cases: readonly [string, VolumeOrder, ClusterState | undefined, RegExp][] = [
    ['n1', { verb: 'invalidate' }, undefined, /served by n1/],
    ['n1', { verb: 'resolve', peer: 'n2', discard: 'local' }, undefined, /served by n1/],
    ['n2', { verb: 'resolve', peer: 'n1', discard: 'remote' }, undefined, /served by n1/],
    [
      'n2',
      { verb: 'invalidate' },
      withVolume({ primary: null, inSyncSet: { version: 9, members: ['n2'] } }),
      /only n2 holds/,
    ],
    [
      'n2',
      { verb: 'attach', replaced: true },
      withVolume({ primary: null, inSyncSet: { version: 9, members: ['n2'] } }),
      /only n2 holds/,
    ],
    [
      'n1',
      { verb: 'resolve', peer: 'n2', discard: 'remote' },
      withVolume({ primary: null, inSyncSet: { version: 9, members: ['n2'] } }),
      /accept-loss data --node n1/,
    ],
    ['n3', { verb: 'detach' }, undefined, /no replica on n3/],
    ['n1', { verb: 'disconnect', peer: 'n1' }, undefined, /no link with itself/],
  ];
  for (const [node, given, state, expected] of cases) {
    const { refused } = order(node, given, state);
    assert.match(refused?.message ?? '', expected, JSON.stringify(given));
  }
});

test('a content that is given up leaves the set: at once where nobody serves, by its primary otherwise', () => {
  const served = order('n2', { verb: 'invalidate' });
  assert.equal(served.refused, undefined);
  assert.deepEqual(served.state.volumes['data']?.inSyncSet.members, ['n1', 'n2']);
  const idle = order('n2', { verb: 'invalidate' }, withVolume({ primary: null }, inSync()));
  assert.deepEqual(idle.state.volumes['data']?.inSyncSet, { version: 3, members: ['n1'] });
});

test('the loser of a split brain may be whoever is out of the set', () => {
  const state = withVolume({ inSyncSet: { version: 9, members: ['n1'] } });
  assert.equal(order('n1', { verb: 'resolve', peer: 'n2', discard: 'remote' }, state).refused, undefined);
  assert.equal(order('n2', { verb: 'resolve', peer: 'n1', discard: 'local' }, state).refused, undefined);
});
