import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualCluster } from './support/virtual-cluster.ts';

const THREE = ['n1', 'n2', 'n3'];

test('three voters elect a leader and apply one order everywhere', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: THREE });
  const leader = cluster.waitForLeader();
  const results: unknown[] = [];
  for (const id of THREE) cluster.logOf(id).append(`from ${id}`, (result) => results.push(result.kind));
  cluster.run(100);
  assert.deepEqual(results, ['applied', 'applied', 'applied']);
  const orders = new Set(THREE.map((id) => cluster.machine(id).applied.join()));
  assert.equal(orders.size, 1);
  assert.equal(cluster.machine(leader).applied.length, 3);
  assert.ok(
    cluster.logOf(leader).leadership().authorityUntilBootMs > cluster.bootMs(cluster.machine(leader)),
  );
});
