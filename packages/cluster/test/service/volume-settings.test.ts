import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { configureCommand } from '../../src/service/config/plan.ts';
import type { VolumeSpec } from '../../src/state/model.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

function pair(change: Partial<VolumeSpec> = {}): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const spec = { ...volume('data', ['n1', 'n2']), ...change };
  cluster.configure([spec], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.elect('w1');
  cluster.time.run(1000);
  return cluster;
}

function put(cluster: FakeCluster, change: Partial<VolumeSpec>): void {
  const spec = { ...volume('data', ['n1', 'n2']), ...change };
  const plan = { changes: [{ kind: 'volume-put', spec } as const], steps: [] };
  cluster.submit(configureCommand(cluster.state(), plan, { atMs: 0 }));
}

const presentBytes = (cluster: FakeCluster): number | undefined =>
  cluster.state().volumes['data']?.size.presentBytes;

test('a volume grows on its primary, everybody learns of it, and it is opened as what it was made', () => {
  const cluster = pair();
  put(cluster, { sizeBytes: 4 << 20 });
  cluster.time.until(() => presentBytes(cluster) === 4 << 20, 2000, 'grown');
  assert.deepEqual(cluster.machine('n1').disk.sizes.get('data'), 4 << 20);
  assert.equal(cluster.machine('n2').disk.volumes.get('data')?.config.sizeBytes, 1 << 20);
  assert.equal(cluster.state().volumes['data']?.size.originBytes, 1 << 20);
  assert.match(cluster.state().events.at(-1)?.message ?? '', /data has 4 MiB now, on every replica/);
  assert.throws(() => put(cluster, { sizeBytes: 1 << 20 }), /would destroy what lies at its end/);
});

test('what keeps a volume from growing is told, and tried again', () => {
  const cluster = pair();
  const { disk, service } = cluster.machine('n1');
  disk.askError = new EterneError('refused', 'n2 belongs to the in-sync set and is not connected');
  put(cluster, { sizeBytes: 4 << 20 });
  cluster.time.until(
    () => service.core.growthProblem('data')?.includes('not connected') === true,
    2000,
    'told',
  );
  assert.equal(presentBytes(cluster), 1 << 20);
  disk.sizes.clear();
  disk.askError = undefined;
  cluster.time.until(() => presentBytes(cluster) === 4 << 20, 8000, 'grown');
});

test('a disk that has failed under its primary moves the group where there is a good copy, if that is wanted', () => {
  for (const [onDiskError, owner] of [
    ['move', 'n2'],
    ['serve-from-peer', 'n1'],
  ] as const) {
    const cluster = pair({ onDiskError });
    const { disk } = cluster.machine('n1');
    disk.diskStates.set('data', 'Failed');
    disk.propose('data', ['n2'], () => {});
    disk.changed();
    cluster.time.run(2000);
    cluster.untilOnline('db', owner);
    assert.equal(
      cluster.state().events.some(({ message }) => message.includes('the disk of data on n1 has failed')),
      onDiskError === 'move',
    );
  }
});
