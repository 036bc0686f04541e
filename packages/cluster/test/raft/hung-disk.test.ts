/** Disks that answer nothing, and say so to nobody: what others can do is done without the member that has one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { otherOf } from './support/pair.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const VOTERS = ['n1', 'n2', 'n3'];

function others(id: string): string[] {
  return VOTERS.filter((voter) => voter !== id);
}

/** Appends at `id` and says, after a while, whether that was applied. */
function append(cluster: VirtualCluster, id: string, command: string, withinMs: number): boolean {
  let isApplied = false;
  cluster.logOf(id).append(command, ({ kind }) => (isApplied = kind === 'applied'));
  cluster.run(withinMs);
  return isApplied;
}

test('a leader whose disk hangs is replaced, and follows when it goes on', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: VOTERS });
  const hung = cluster.waitForLeader();
  const [other = ''] = others(hung);
  cluster.machine(hung).disk.hang();
  append(cluster, other, 'a', 8000);
  assert.notDeepEqual(cluster.leaders(), [hung]);
  assert.deepEqual(cluster.leaders().length, 1);
  assert.ok(append(cluster, other, 'b', 1000));
  cluster.machine(hung).disk.goOn();
  assert.ok(append(cluster, hung, 'c', 1000));
  for (const id of VOTERS) assert.deepEqual(cluster.machine(id).applied.toSorted(), ['a', 'b', 'c'], id);
});

test('a disk that is only slow costs no leadership', () => {
  const cluster = new VirtualCluster({ seed: 2, voters: VOTERS });
  const slow = cluster.waitForLeader();
  const { disk } = cluster.machine(slow);
  for (let i = 0; i < 5; i += 1) {
    disk.hang();
    append(cluster, slow, `${i}`, 3000);
    disk.goOn();
    cluster.run(500);
    assert.deepEqual(cluster.leaders(), [slow]);
  }
});

test('a leader whom nobody can replace leads on', () => {
  const cluster = new VirtualCluster({ seed: 3, voters: VOTERS });
  const hung = cluster.waitForLeader();
  const [dead = '', other = ''] = others(hung);
  cluster.losePower(dead);
  cluster.machine(hung).disk.hang();
  append(cluster, other, 'a', 12_000);
  const { isLeader, authorityUntilBootMs } = cluster.logOf(hung).leadership();
  assert.ok(isLeader && authorityUntilBootMs > cluster.bootMs(cluster.machine(hung)));
});

test('nobody hears that an entry is committed before the leader has applied it', () => {
  const cluster = new VirtualCluster({ seed: 4, voters: VOTERS });
  const leader = cluster.waitForLeader();
  const [other = ''] = others(leader);
  cluster.machine(leader).disk.hang();
  assert.ok(!append(cluster, other, 'a', 4000));
  assert.ok(VOTERS.every((id) => !cluster.machine(id).applied.includes('a')));
  cluster.machine(leader).disk.goOn();
  cluster.run(1000);
  assert.ok(VOTERS.every((id) => cluster.machine(id).applied.includes('a')));
});

for (const [what, harm] of [
  ['is full', (cluster: VirtualCluster, id: string) => (cluster.machine(id).disk.full = true)],
  ['hangs', (cluster: VirtualCluster, id: string) => cluster.machine(id).disk.hang()],
] as const)
  test(`a leader that is to hand over to a member whose disk ${what} keeps its authority`, () => {
    const cluster = new VirtualCluster({ seed: 5, voters: VOTERS });
    const leader = cluster.waitForLeader();
    const [harmed = '', other = ''] = others(leader);
    harm(cluster, harmed);
    assert.ok(append(cluster, other, 'a', 2000));
    for (let i = 0; i < 200; i += 1) {
      if (i % 10 === 0) cluster.logOf(leader).transferLeadership(harmed);
      cluster.run(50);
      const { isLeader, authorityUntilBootMs } = cluster.logOf(leader).leadership();
      const leftMs = authorityUntilBootMs - cluster.bootMs(cluster.machine(leader));
      assert.ok(isLeader && leftMs > 300, `${leftMs} ms are left`);
    }
  });

test('a leader of a pair that is to hand over again and again to a member whose disk hangs keeps its authority', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2'], tie: 'proof' });
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  cluster.machine(otherOf(leader)).disk.hang();
  assert.ok(!append(cluster, leader, 'nobody else has it', 2000));
  for (let i = 0; i < 200; i += 1) {
    if (i % 10 === 0) cluster.logOf(leader).transferLeadership(otherOf(leader));
    cluster.run(50);
    const { isLeader, authorityUntilBootMs } = cluster.logOf(leader).leadership();
    const leftMs = authorityUntilBootMs - cluster.bootMs(cluster.machine(leader));
    assert.ok(isLeader && leftMs > 300, `${leftMs} ms are left`);
  }
});

for (const tie of ['proof', 'solo', 'disk'] as const)
  test(`a hand-over of a pair (${tie}) to a member whose disk has just begun to hang costs no more than a moment`, () => {
    const cluster = new VirtualCluster({ seed: 1, voters: ['n1', 'n2'], tie });
    const leader = cluster.waitForLeader();
    cluster.run(2000);
    cluster.machine(otherOf(leader)).disk.hang();
    cluster.logOf(leader).transferLeadership(otherOf(leader));
    cluster.run(1300);
    assert.ok(cluster.logOf(leader).leadership().quorate);
  });
