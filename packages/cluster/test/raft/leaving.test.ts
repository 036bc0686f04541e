/** Who leaves the cluster leaves the log only for members that can decide without it: what they lacked then they would lack for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, otherOf } from './support/pair.ts';
import { Keeper } from './support/keeper.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const voters = (cluster: VirtualCluster, id: string): readonly string[] =>
  cluster
    .logOf(id)
    .status()
    .members.map((member) => member.id);

for (const stays of ['n1', 'n2'])
  test(`of a pair whose disk is lost one leaves, and ${stays} goes on`, () => {
    const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2'], tie: 'disk' });
    const keeper = new Keeper(cluster, 'disk', ['n1', 'n2']);
    const leader = cluster.waitForLeader();
    cluster.run(2000);
    for (const id of ['n1', 'n2']) cluster.shared.cut.add(id);
    cluster.run(2000);
    append(cluster, leader, 'without the disk');
    keeper.wanted = [stays];
    cluster.run(6000);
    assert.deepEqual(voters(cluster, stays), [stays]);
    append(cluster, stays, 'alone');
  });

test('one of three leaves when the other two can decide without it, and is asked until then', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2', 'n3'] });
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2', 'n3']);
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  const [leaves = '', dead = ''] = ['n1', 'n2', 'n3'].filter((id) => id !== leader);
  cluster.losePower(dead);
  cluster.run(1500);
  keeper.wanted = [leader, dead];
  cluster.run(4000);
  append(cluster, leader, 'by the leader and who leaves');
  cluster.start(dead);
  cluster.run(4000);
  assert.ok(!voters(cluster, leader).includes(leaves));
  append(cluster, leader, 'without it');
});

test('one of three is asked as long as the disk of another hangs, which beats on', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2', 'n3'] });
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2', 'n3']);
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  const [leaves = '', hangs = ''] = ['n1', 'n2', 'n3'].filter((id) => id !== leader);
  const { disk } = cluster.machine(hangs);
  disk.hang();
  append(cluster, leader, 'on two disks');
  keeper.wanted = [leader, hangs];
  cluster.run(4000);
  append(cluster, leader, 'by the leader and who leaves');
  disk.goOn();
  cluster.run(4000);
  assert.ok(!voters(cluster, leader).includes(leaves));
  append(cluster, leader, 'without it');
});

test('of two that leave the one that is silent leaves first', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2', 'n3'] });
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2', 'n3']);
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  const [first = '', second = ''] = ['n1', 'n2', 'n3'].filter((id) => id !== leader);
  cluster.losePower(second);
  cluster.run(1500);
  keeper.wanted = [leader];
  cluster.run(6000);
  assert.deepEqual(voters(cluster, leader), [leader]);
  assert.deepEqual(keeper.begun.slice(0, 2), [`remove ${second}`, `remove ${first}`]);
  append(cluster, leader, 'alone');
});

test('a leader leaves too when no heart hears it any more, and those who stay answer it', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2', 'n3'] });
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2', 'n3']);
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  const stays = ['n1', 'n2', 'n3'].find((id) => id !== leader) ?? '';
  keeper.wanted = [stays];
  cluster.run(6000);
  assert.deepEqual(voters(cluster, stays), [stays]);
  append(cluster, stays, 'alone');
});

test('a successor that falls silent while one of the pair leaves holds nobody up', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2'], joiners: ['n3'], tie: 'disk' });
  const keeper = new Keeper(cluster, 'disk', ['n1', 'n2', 'n3']);
  const leader = cluster.waitForLeader();
  while (!keeper.begun.includes('succeed n3')) cluster.run(1);
  cluster.losePower('n3');
  keeper.wanted = [leader, 'n3'];
  cluster.run(6000);
  append(cluster, leader, 'without the newcomer');
});

test('the last that votes leaves for one that was only about to come', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1'], joiners: ['n2'] });
  const keeper = new Keeper(cluster, 'proof', ['n2']);
  cluster.run(6000);
  assert.deepEqual(voters(cluster, 'n2'), ['n2']);
  assert.deepEqual(keeper.begun, ['add-learner n2', 'promote n2', 'remove n1']);
  append(cluster, 'n2', 'alone');
});

test('a leader leaves a pair with a tie-breaker on a disk while the other is heard', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2'], tie: 'disk' });
  const keeper = new Keeper(cluster, 'disk', ['n1', 'n2']);
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  const stays = otherOf(leader);
  keeper.wanted = [stays];
  cluster.run(6000);
  assert.deepEqual(voters(cluster, stays), [stays]);
  append(cluster, stays, 'alone');
});

test('one of three stays when another one dies just before it is to leave', () => {
  for (let beforeMs = 20; beforeMs <= 300; beforeMs += 20) {
    const cluster = new VirtualCluster({ seed: beforeMs, voters: ['n1', 'n2', 'n3'] });
    const keeper = new Keeper(cluster, 'proof', ['n1', 'n2', 'n3']);
    const leader = cluster.waitForLeader();
    cluster.run(1000);
    const [leaves = '', dead = ''] = ['n1', 'n2', 'n3'].filter((id) => id !== leader);
    cluster.losePower(dead);
    cluster.run(beforeMs);
    keeper.wanted = [leader, dead];
    cluster.run(4000);
    assert.ok(voters(cluster, leader).includes(leaves));
    append(cluster, leader, 'by the leader and who leaves');
  }
});
