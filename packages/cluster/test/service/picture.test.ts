/** What a program on a node is told of the cluster: only what is so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterPicture } from '../../src/service/picture.ts';
import type { Picture, PictureNode, PictureResource } from '../../src/node/picture.ts';
import { FakeCluster, group } from './fake-cluster.ts';

function pair(): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const spec = group('db', ['n1', 'n2']);
  const promoted = spec.resources.map((one) => ({ ...one, params: { role: 'promoted' } }));
  cluster.configure([], [{ ...spec, resources: promoted }]);
  cluster.untilOnline('db', 'n1');
  cluster.time.run(1000);
  return cluster;
}

const pictureOf = (cluster: FakeCluster, node: string): Picture =>
  clusterPicture(cluster.machine(node).service.core);
const nodeIn = ({ nodes }: Picture, name: string): PictureNode | undefined =>
  nodes.find((node) => node.name === name);
const only = ({ resources }: Picture): PictureResource | undefined => resources[0];

test('nodes and what runs where, by any of them', () => {
  const cluster = pair();
  for (const name of ['n1', 'n2']) {
    const picture = pictureOf(cluster, name);
    assert.equal(picture.node, name);
    assert.deepEqual([picture.isCurrent, picture.isQuorate, picture.isMaintenance], [true, true, false]);
    assert.deepEqual(
      picture.nodes.map((node) => node.name),
      ['n1', 'n2'],
      'a witness carries nothing',
    );
    const { group: of, owner, state, isPromoted, isManaged, isWanted, failures } = only(picture) ?? {};
    assert.deepEqual(
      [of, owner, state, isPromoted, isManaged, isWanted],
      ['db', 'n1', 'running', true, true, true],
    );
    assert.deepEqual(failures, {});
  }
});

test('standby and maintenance', () => {
  const cluster = pair();
  cluster.submit({ kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 0 });
  cluster.submit({ kind: 'group-maintenance', group: 'db', on: true, atMs: 0 });
  cluster.time.run(500);
  const picture = pictureOf(cluster, 'n1');
  assert.equal(nodeIn(picture, 'n2')?.isStandby, true);
  assert.equal(nodeIn(picture, 'n2')?.isOnline, true);
  assert.equal(only(picture)?.isManaged, false);
});

test('a lost owner is unclean, and how its resources are nobody knows, until it is settled', () => {
  const cluster = pair();
  cluster.elect('w1');
  cluster.time.run(1000);
  cluster.machine('n1').connected = false;
  cluster.time.run(1100);
  const between = pictureOf(cluster, 'n2');
  assert.deepEqual(
    [nodeIn(between, 'n1')?.isOnline, nodeIn(between, 'n1')?.isUnclean, only(between)?.state],
    [false, true, 'unknown'],
  );
  cluster.untilOnline('db', 'n2');
  cluster.time.run(1000);
  const after = pictureOf(cluster, 'n2');
  assert.deepEqual(
    [nodeIn(after, 'n1')?.isUnclean, only(after)?.owner, only(after)?.state],
    [false, 'n2', 'running'],
  );
  assert.equal(pictureOf(cluster, 'n1').isQuorate, false, 'the one that is cut off says so');
});
