/** Volumes on devices that several nodes reach, from the document of an administrator to the disk process and back to the status. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDocument } from '../../src/service/config/document.ts';
import { configureCommand, planDocument } from '../../src/service/config/plan.ts';
import { showDocument } from '../../src/service/config/show.ts';
import { watchOrder } from '../../src/service/leader/footing.ts';
import { replicaOf } from '../../src/service/replicas.ts';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { apply } from '../../src/state/apply.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { foundedState, seenBy } from '../state/founded.ts';
import { FakeCluster, group } from './fake-cluster.ts';

const LEFT = 'iscsi://10.0.1.1/iqn.2026-11.x:a/1';
const RIGHT = {
  n1: 'iscsi://10.0.2.1/iqn.2026-11.x:b/1',
  n2: 'iscsi://10.0.3.1/iqn.2026-11.x:b/1?preempt=yes',
};
const DATA = { name: 'data', size: '4MiB', devices: { left: LEFT, right: RIGHT }, nodes: ['n1', 'n2'] };
const DOCUMENT = { volumes: [DATA] };

function applied(state: ClusterState, document: unknown): ClusterState {
  const plan = planDocument(state, parseDocument(document));
  const outcome = apply(state, configureCommand(state, plan, { atMs: 0 }));
  assert.equal(outcome.refused, undefined);
  return outcome.state;
}

test('a document says devices once or for each node; shown and applied again it changes nothing', () => {
  const state = applied(foundedState(), DOCUMENT);
  const spec = state.volumes['data']?.spec;
  assert.deepEqual(spec?.joined, { devices: ['left', 'right'], fence: 'reservation' });
  assert.deepEqual(spec.replicas[1], { node: 'n2', device: LEFT, behind: [RIGHT.n2] });
  const { volumes } = showDocument(state);
  const [shown] = volumes as readonly Record<string, unknown>[];
  assert.deepEqual([shown?.['devices'], shown?.['nodes']], [DATA.devices, DATA.nodes]);
  assert.deepEqual(planDocument(state, parseDocument({ volumes })).steps, []);
  const [step] = planDocument(foundedState(), parseDocument(DOCUMENT)).steps;
  assert.match(step?.sentence ?? '', /n1, n2 serve it from all of left, right/);
});

test('what a document cannot say of devices is named', () => {
  const refused = (pattern: RegExp, change: object): void =>
    assert.throws(
      () => parseDocument({ volumes: [{ ...DATA, ...change }] }),
      (error) => error instanceof EterneError && error.code === 'config' && pattern.test(error.message),
    );
  refused(/needs size and nodes, and neither replicas nor parts/, { nodes: undefined });
  refused(/needs size and nodes, and neither replicas nor parts/, { replicas: { n1: '/srv/x' } });
  refused(/nodes and fence go with devices/, { devices: undefined, replicas: { n1: '/srv/x' } });
  refused(/not said where device right is on n2/, { devices: { left: LEFT, right: { n1: RIGHT.n1 } } });
  refused(/has a device on n3, which is none of its nodes/, {
    devices: { left: LEFT, right: { ...RIGHT, n3: 'x' } },
  });
});

test('the disk process is told all devices, by which name it asks for them, and that it may take them', () => {
  const state = applied(foundedState(), DOCUMENT);
  const volume = state.volumes['data'];
  assert(volume);
  const places = {
    metadataPath: (name: string) => `/meta/${name}`,
    exportAddress: (name: string) => `unix:/run/${name}.nbd`,
    rescuePath: (name: string) => `/rescue/${name}`,
  };
  const [one, two] = ['n1', 'n2'].map((node) => replicaOf(seenBy(state, node), volume, places)?.config);
  const { onPeerLost, metadataPath, peers, lives, devices } = one ?? assert.fail();
  assert.deepEqual([onPeerLost, metadataPath, peers, lives], ['continue', 'internal', {}, undefined]);
  const initiator = /^(.*)\?preempt=yes&initiator=(iqn\.2026-11\.io\.eterne:[0-9a-f]{16})$/;
  const [, path, own] = initiator.exec(devices?.['left'] ?? '') ?? [];
  assert.equal(path, LEFT);
  const [, other, theirs] = initiator.exec(two?.devices?.['right'] ?? '') ?? [];
  assert.equal(`${other}?preempt=yes`, RIGHT.n2);
  assert.notEqual(own, theirs);
});

function served(): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.configure(parseDocument(DOCUMENT).volumes, [group('g', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('g', 'n1');
  return cluster;
}

const facadeOf = (cluster: FakeCluster, node: string): LiveFacade =>
  new LiveFacade(cluster.machine(node).service, { clock: cluster.time, timers: cluster.time });
const setOf = (cluster: FakeCluster): string =>
  cluster.state().volumes['data']?.inSyncSet.members.join() ?? '';

test('its owner promotes it, and tells which devices have everything', () => {
  const cluster = served();
  assert.equal(cluster.machine('n1').disk.asked?.granted?.set.version, 0, 'nothing can be on them yet');
  cluster.time.until(() => setOf(cluster) === 'left,right', 3000, 'told');
  const [volume] = facadeOf(cluster, 'n2').status().volumes;
  assert.deepEqual(
    volume?.devices.map(({ name, disk }) => `${name} ${disk}`),
    ['left UpToDate', 'right UpToDate'],
  );
  assert.deepEqual(
    volume.replicas.map(({ node, disk }) => `${node} ${disk}`),
    ['n1 UpToDate', 'n2 Diskless'],
  );
});

test('a device that is lost is told, with the reason, and moves nothing; it is told when it is back', () => {
  const cluster = served();
  cluster.time.until(() => setOf(cluster) === 'left,right', 3000, 'told');
  const { disk } = cluster.machine('n1');
  disk.lostDevices.add('left');
  disk.changed();
  cluster.time.until(() => setOf(cluster) === 'right', 3000, 'told of the loss');
  cluster.time.run(5000);
  const { events, groups } = cluster.state();
  assert.deepEqual([groups['g']?.owner, groups['g']?.epoch], ['n1', 1]);
  const { message, level } = events.findLast(({ code }) => code === 'volume.set') ?? assert.fail();
  assert.deepEqual([level, message], ['warning', 'in sync on data: right (left: does not answer)']);
  const { warnings } = facadeOf(cluster, 'n2').status();
  assert.ok(warnings.includes('Volume data is not in sync on left.'), warnings.join('\n'));
  disk.lostDevices.clear();
  disk.changed();
  cluster.time.until(() => setOf(cluster) === 'left,right', 3000, 'told of the return');
});

test('when its node is lost another one takes over, knowing that something is on them', () => {
  const cluster = served();
  cluster.time.until(() => setOf(cluster) === 'left,right', 3000, 'told');
  cluster.powerOff('n1');
  cluster.elect('w1');
  cluster.untilOnline('g', 'n2');
  const { granted, force } = cluster.machine('n2').disk.asked ?? assert.fail();
  assert.deepEqual([force, granted?.term.number, granted?.set.version], [false, 2, 1]);
});

test('a lost device is nothing that a group stands on', () => {
  const files = { left: '/srv/left', right: '/srv/right' };
  const state = applied(foundedState(), {
    volumes: [{ ...DATA, devices: files, fence: 'lock' }],
    groups: [{ name: 'g', nodes: ['n1'], resources: [{ name: 'vol', type: 'mirror', volume: 'data' }] }],
  });
  assert.deepEqual(
    watchOrder(state, 'n1').looks.filter(({ subject }) => subject.startsWith('/srv')),
    [],
  );
});
