/** A pair with a tie-breaker on a shared disk: what it is for, and that it never makes two leaders or two histories. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, oneWayCut, otherOf } from './support/pair.ts';
import {
  isolation,
  messageLoss,
  pause,
  powerLoss,
  slowLinks,
  suspicion,
  transfer,
  retime,
  type Fault,
} from './support/random-faults.ts';
import { RandomLoad, seedsOf } from './support/random-load.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';
import { PROFILES } from '../../src/profiles.ts';

const STEP_MS = 10;
const seeds = seedsOf('RAFT', 40);

const pair = (seed = 1): VirtualCluster => new VirtualCluster({ seed, voters: ['n1', 'n2'], tie: 'disk' });

test('either node goes on alone when the other loses power', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(leader);
  const startedMs = cluster.time.nowMs;
  assert.equal(cluster.waitForLeader(2000), otherOf(leader));
  assert.ok(cluster.time.nowMs - startedMs <= 1300, `${cluster.time.nowMs - startedMs} ms`);
  append(cluster, otherOf(leader), 'alone');
});

test('a leader whose peer falls silent keeps its authority without a break', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.losePower(otherOf(leader));
  for (let step = 0; step < 300; step += 1) {
    cluster.run(10);
    assert.ok(cluster.logOf(leader).leadership().quorate, `after ${step * 10} ms`);
  }
});

test('when only the link between the nodes is cut, the one that leads goes on and the other does not', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  cluster.isolate(leader);
  for (let step = 0; step < 500; step += 1) {
    cluster.run(10);
    assert.deepEqual(cluster.leaders(), [leader]);
    assert.ok(cluster.logOf(leader).leadership().quorate);
  }
  assert.equal(cluster.logOf(otherOf(leader)).leadership().quorate, false);
});

/** The other one has lost its power. */
function goneAlone(): { readonly cluster: VirtualCluster; readonly leader: string } {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(1000);
  cluster.losePower(otherOf(leader));
  cluster.run(1500);
  return { cluster, leader };
}

test('who lacks what the tie-breaker has confirmed does not lead alone', () => {
  const { cluster, leader } = goneAlone();
  append(cluster, leader, 'only here');
  cluster.losePower(leader);
  cluster.start(otherOf(leader));
  for (let step = 0; step < 500; step += 1) {
    cluster.run(10);
    assert.deepEqual(cluster.leaders(), []);
  }
  cluster.start(leader);
  cluster.waitForLeader();
  cluster.run(500);
  assert.deepEqual(cluster.machine(otherOf(leader)).applied, ['only here']);
});

test('who goes on alone goes on again after a power cut, whatever its own disk had not got yet', () => {
  const { cluster, leader } = goneAlone();
  append(cluster, leader, 'alone');
  cluster.machine(leader).disk.hang();
  cluster.logOf(leader).append('never written', () => {});
  cluster.run(300);
  cluster.losePower(leader);
  cluster.machine(leader).disk.goOn();
  cluster.start(leader);
  assert.equal(cluster.waitForLeader(3000), leader);
  append(cluster, leader, 'again');
  assert.deepEqual(cluster.machine(leader).applied, ['alone', 'again']);
});

test('a node whose log hangs, and that beats on, holds up nothing', () => {
  const cluster = pair();
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  const { disk } = cluster.machine(otherOf(leader));
  disk.hang();
  cluster.logOf(leader).append('waits', () => {});
  cluster.run(6000);
  for (const command of ['does not wait', 'nor this']) append(cluster, leader, command);
  assert.deepEqual(cluster.leaders(), [leader]);
  disk.goOn();
  cluster.run(1000);
  append(cluster, leader, 'on both disks');
  const all = ['waits', 'does not wait', 'nor this', 'on both disks'];
  for (const id of ['n1', 'n2']) assert.deepEqual(cluster.machine(id).applied, all);
  cluster.losePower(leader);
  cluster.waitForLeader();
});

test('without the disk a pair leads as long as both are there, and not alone', () => {
  const cluster = pair();
  for (const id of ['n1', 'n2']) cluster.shared.cut.add(id);
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  assert.deepEqual(cluster.leaders(), [leader]);
  cluster.losePower(otherOf(leader));
  cluster.run(3000);
  assert.deepEqual(cluster.leaders(), []);
});

const FAULTS: readonly Fault[] = [
  powerLoss(2500),
  isolation,
  oneWayCut,
  suspicion,
  pause(2500),
  messageLoss(0.5),
  slowLinks,
  (cluster) => void (cluster.shared.latencyMs = [2, 40, 400, 1500][cluster.random.below(4)] ?? 2),
  (cluster, id) => void cluster.shared.cut.add(id),
  (cluster) => cluster.shared.cut.clear(),
  transfer,
];

function runSeed(seed: number, changesProfiles: boolean): void {
  const cluster = pair(seed);
  const { random } = cluster;
  const pick = (): string => (random.chance(0.5) ? 'n1' : 'n2');
  const load = new RandomLoad(cluster, pick, STEP_MS);
  load.run(1500, 0.1);
  for (let round = 0; round < 30; round += 1) {
    FAULTS[random.below(FAULTS.length)]?.(cluster, pick());
    if (changesProfiles) retime(cluster);
    load.run(random.below(2000) * (changesProfiles ? 3 : 1), 0.2);
    if (random.chance(0.4)) cluster.heal();
  }
  cluster.heal();
  cluster.shared.cut.clear();
  Object.assign(cluster, { lossProbability: 0, latencyMs: 1 });
  cluster.shared.latencyMs = 2;
  for (const machine of cluster.machines.values()) {
    machine.timing = PROFILES.lan.raft;
    if (!machine.log) cluster.start(machine.id);
  }
  load.run(changesProfiles ? 24_000 : 12_000, 0.05);
  load.checkProgress();
  load.run(500, 0);
  load.checkConverged();
}

for (const seed of seeds) test(`seed ${seed}: one leader at a time, one history`, () => runSeed(seed, false));

for (const seed of seedsOf('RAFT', 20))
  test(`seed ${seed}: likewise while the nodes go from profile to profile`, () => runSeed(seed, true));
