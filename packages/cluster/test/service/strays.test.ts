import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCluster, group } from './fake-cluster.ts';

const LOOKS_MS = 40_000;

test('what was found where it should not be keeps a group from everybody only as long as it is one of its resources', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const plain = group('web', ['n1', 'n2']);
  const unit = plain.resources.map((resource) => ({ ...resource, type: 'systemd:web', params: {} }));
  cluster.configure([], [{ ...plain, resources: unit }]);
  cluster.untilOnline('web', 'n1');
  const { monitor } = cluster.machine('n2');
  monitor.byHand.add('web/app');
  monitor.failures.set('stop web/app', 'it does not die');
  cluster.time.run(LOOKS_MS);
  assert.equal(cluster.group('web').strays[0]?.failure, 'it does not die');
  cluster.submit({ kind: 'group-desire', group: 'web', desired: 'stopped', atMs: 0 });
  cluster.time.run(1000);
  cluster.configure([], [plain]);
  cluster.submit({ kind: 'group-desire', group: 'web', desired: 'started', atMs: 0 });
  cluster.untilOnline('web', 'n1', LOOKS_MS);
  assert.deepEqual(cluster.group('web').strays, []);
});
