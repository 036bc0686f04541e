import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../src/service/config/document.ts';
import { planDocument } from '../../src/service/config/plan.ts';
import { showDocument } from '../../src/service/config/show.ts';
import { heartSetup } from '../../src/service/heart-setup.ts';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { after, foundedState, seenBy } from '../state/founded.ts';
import { member } from './fake-cluster.ts';

const DISK = '/dev/disk/by-id/shared';

function threeNodes(): ClusterState {
  return after(foundedState(), { kind: 'member-add', member: member('n3'), atMs: 0 });
}

function applied(state: ClusterState, command: Command): ClusterState {
  const { state: next, refused } = apply(state, command);
  assert.equal(refused, undefined);
  return next;
}

function configured(state: ClusterState, cluster: object): ClusterState {
  const [change] = planDocument(state, parseDocument({ cluster })).changes;
  assert.ok(change?.kind === 'cluster');
  const heartbeatDisks = change.config.heartbeatDisks.map(({ device }, index) => ({
    device,
    id: `id${index}`,
  }));
  return applied(state, {
    kind: 'configure',
    changes: [{ kind: 'cluster', config: { ...change.config, heartbeatDisks } }],
    revision: state.revision,
    atMs: 0,
  });
}

test('every node gets a slot while there is a disk, and keeps it', () => {
  const before = threeNodes();
  assert.deepEqual(before.heartSlots, {});
  const state = configured(before, { heartbeatDisks: [DISK] });
  assert.deepEqual(state.heartSlots, { n1: 0, n2: 1, n3: 2 });
  const without = applied(state, { kind: 'member-remove', name: 'n2', atMs: 0 });
  assert.deepEqual(without.heartSlots, { n1: 0, n3: 2 });
  const again = applied(without, { kind: 'member-add', member: member('n0'), atMs: 0 });
  assert.deepEqual(again.heartSlots, { n0: 1, n1: 0, n3: 2 });
  assert.deepEqual(decodeState(encodeState(again)), again);
  assert.deepEqual(configured(again, { heartbeatDisks: [] }).heartSlots, {});
});

test('a heart is told what its node reaches', () => {
  const devices = { n1: '/dev/sdb', n2: '/dev/sdc' };
  const state = configured(threeNodes(), { heartbeatDisks: [devices, DISK] });
  assert.deepEqual(heartSetup(seenBy(state, 'n2'))?.disks, [
    { id: 'id0', device: '/dev/sdc' },
    { id: 'id1', device: DISK },
  ]);
  assert.deepEqual(heartSetup(seenBy(state, 'n3'))?.disks, [{ id: 'id1', device: DISK }]);
  assert.deepEqual(
    heartSetup(seenBy(state, 'n1'))?.members.map(({ node, slot }) => [node, slot]),
    [
      ['n1', 0],
      ['n2', 1],
      ['n3', 2],
      ['w1', null],
    ],
  );
  assert.deepEqual(showDocument(state)['cluster'], {
    ...(showDocument(state)['cluster'] as object),
    heartbeatDisks: [devices, DISK],
  });
  assert.deepEqual(
    planDocument(state, parseDocument(showDocument(state))).steps,
    [],
    'shown and applied again',
  );
});

test('what a configuration may not be', () => {
  const state = foundedState();
  const refusal = (document: object): string => {
    try {
      planDocument(state, parseDocument(document));
    } catch (error) {
      return (error as Error).message;
    }
    return assert.fail('accepted');
  };
  const disks = (...heartbeatDisks: unknown[]): object => ({ cluster: { heartbeatDisks } });
  assert.match(refusal(disks('sdb')), /is not an absolute path|Invalid input/);
  assert.match(refusal(disks(DISK, DISK)), /heartbeat disk 1 and heartbeat disk 2 are on the same disk/);
  assert.match(refusal(disks({ n9: DISK })), /a heartbeat disk names n9, which is not a node/);
  assert.match(refusal(disks({ w1: DISK })), /names w1, which is a witness/);
  assert.match(refusal(disks('/a', '/b', '/c', '/d', '/e')), /at most 4 heartbeat disks/);
  const volume = { name: 'v', size: '8MiB', replicas: { n1: '/dev/sdb1', n2: '/srv/v' } };
  assert.match(refusal({ ...disks('/dev/sdb'), volumes: [volume] }), /volume v and heartbeat disk 1 overlap/);
  const same = configured(state, { heartbeatDisks: [DISK, '/dev/sdc'] });
  const config = {
    ...same.config,
    heartbeatDisks: same.config.heartbeatDisks.map((disk) => ({ ...disk, id: 'x' })),
  };
  const { refused } = apply(same, {
    kind: 'configure',
    changes: [{ kind: 'cluster', config }],
    revision: same.revision,
    atMs: 0,
  });
  assert.match(refused?.message ?? '', /two of the heartbeat disks are the same disk/);
});
