/** Two nodes, `n1` and `n2`, and what can happen between them. */
import assert from 'node:assert/strict';
import type { Fault } from './random-faults.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

export const otherOf = (id: string): string => (id === 'n1' ? 'n2' : 'n1');

export function append(cluster: VirtualCluster, id: string, command: string): void {
  let applied = false;
  cluster.logOf(id).append(command, (result) => (applied = result.kind === 'applied'));
  cluster.run(500);
  assert.ok(applied, `${command} is applied by ${id}`);
}

export const oneWayCut: Fault = (cluster, id) => void cluster.cut.add(`${id}>${otherOf(id)}`);

export const transferToOther: Fault = (cluster) => {
  const [leader] = cluster.leaders();
  if (leader !== undefined) cluster.logOf(leader).transferLeadership(otherOf(leader));
};
