/** A pair whose tie-breaker is a proof that the other has stopped: it never makes two leaders or two histories, and forgets nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EterneError } from '@eterne/base';
import { append, oneWayCut, otherOf, transferToOther } from './support/pair.ts';
import {
  isolation,
  messageLoss,
  pause,
  powerLoss,
  slowLinks,
  suspicion,
  type Fault,
} from './support/random-faults.ts';
import { RandomLoad, seedsOf } from './support/random-load.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const STEP_MS = 10;
const seeds = seedsOf('RAFT', 25);

const pair = (seed = 1): VirtualCluster => new VirtualCluster({ seed, voters: ['n1', 'n2'], tie: 'proof' });

/** By an operator, on the node `id`. */
function word(cluster: VirtualCluster, id: string, acceptLoss: boolean): EterneError | undefined {
  let answer: EterneError | undefined;
  cluster.machine(id).transport?.takeByWord('somebody says so', acceptLoss, (error) => (answer = error));
  cluster.run(100);
  return answer;
}

test('either node goes on alone once the other is fenced, and keeps its authority', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(leader);
  cluster.fenceChance = 0;
  cluster.run(4000);
  assert.deepEqual(cluster.leaders(), [], 'not before');
  cluster.fenceChance = 1;
  const survivor = cluster.waitForLeader(6000);
  append(cluster, survivor, 'alone');
});

test('when only the link is cut one of the two is fenced, and what it missed it gets when it comes back', () => {
  // Of a seed in which not each switches the other off.
  const cluster = pair(4);
  cluster.waitForLeader();
  cluster.run(2000);
  cluster.isolate('n1');
  cluster.run(6000);
  assert.equal(cluster.leaders().length, 1);
  const [leader = ''] = cluster.leaders();
  assert.equal(cluster.logOf(leader).leadership().quorate, true);
  append(cluster, leader, 'alone');
  cluster.heal();
  if (!cluster.machine(otherOf(leader)).log) cluster.start(otherOf(leader));
  cluster.run(3000);
  assert.deepEqual(cluster.machine(otherOf(leader)).applied, ['alone']);
});

test('a node that was fenced, or has just started, must meet the other before it may go on alone', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  const other = otherOf(leader);
  cluster.losePower(other);
  cluster.run(3000);
  cluster.waitForLeader(6000);
  append(cluster, leader, 'alone');
  for (const id of [leader, other]) cluster.losePower(id);
  cluster.fenceChance = 0;
  cluster.start(other);
  for (let step = 0; step < 800; step += 1) {
    cluster.run(10);
    assert.deepEqual(cluster.leaders(), []);
  }
  assert.match(word(cluster, other, false)?.message ?? '', /may know more/);
  if (!cluster.machine(leader).log) cluster.start(leader);
  cluster.waitForLeader();
  cluster.run(1000);
  assert.deepEqual(cluster.machine(other).applied, ['alone']);
});

test('who goes on alone does so after its own restart too', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(otherOf(leader));
  cluster.run(3000);
  cluster.waitForLeader(6000);
  append(cluster, leader, 'first');
  for (const id of ['n1', 'n2']) cluster.losePower(id);
  cluster.fenceChance = 0;
  cluster.start(leader);
  cluster.waitForLeader();
  append(cluster, leader, 'second');
});

test('an operator’s word lets a node go on that has met the other, and any node that accepts the loss', () => {
  const cluster = pair();
  cluster.fenceChance = 0;
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(otherOf(leader));
  cluster.run(3000);
  assert.deepEqual(cluster.leaders(), []);
  assert.equal(word(cluster, leader, false), undefined);
  cluster.waitForLeader();
  append(cluster, leader, 'by word');
});

test('a full disk keeps it from being taken, and from listening to the other again', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(otherOf(leader));
  cluster.waitForLeader(6000);
  cluster.machine(leader).disk.full = true;
  if (!cluster.machine(otherOf(leader)).log) cluster.start(otherOf(leader));
  cluster.run(4000);
  assert.equal(cluster.logOf(otherOf(leader)).leadership().quorate, false);
  cluster.machine(leader).disk.full = false;
  cluster.losePower(leader);
  cluster.start(leader);
  cluster.waitForLeader();
  cluster.run(2000);
  for (const id of ['n1', 'n2']) assert.equal(cluster.logOf(id).leadership().quorate, true);
});

const FAULTS: readonly Fault[] = [
  powerLoss(4000),
  isolation,
  oneWayCut,
  suspicion,
  pause(2500),
  messageLoss(0.5),
  slowLinks,
  (cluster) => void (cluster.fenceChance = cluster.random.fraction()),
  transferToOther,
];

function runSeed(seed: number): void {
  const cluster = pair(seed);
  const { random } = cluster;
  const pick = (): string => (random.chance(0.5) ? 'n1' : 'n2');
  const load = new RandomLoad(cluster, pick, STEP_MS);
  load.run(1500, 0.1);
  for (let round = 0; round < 30; round += 1) {
    FAULTS[random.below(FAULTS.length)]?.(cluster, pick());
    load.run(random.below(4000), 0.2);
    if (random.chance(0.4)) cluster.heal();
  }
  cluster.heal();
  Object.assign(cluster, { lossProbability: 0, latencyMs: 1, fenceChance: 0 });
  load.run(4000, 0);
  for (const { id, log } of cluster.machines.values()) if (!log) cluster.start(id);
  load.run(12_000, 0.05);
  load.checkProgress();
  load.run(500, 0);
  load.checkConverged();
}

for (const seed of seeds) test(`seed ${seed}: one leader at a time, one history`, () => runSeed(seed));
