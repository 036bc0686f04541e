import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomLoad, seedsOf } from './support/random-load.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const VOTERS = ['n1', 'n2', 'n3', 'n4', 'n5'];
const STEP_MS = 5;

/** `ETERNE_RAFT_SEED=17` runs one seed; `ETERNE_RAFT_SEEDS=500` runs many. */
const seeds = seedsOf('RAFT', 12);

type Fault = (cluster: VirtualCluster, id: string) => void;

const FAULTS: readonly Fault[] = [
  (cluster, id) => {
    if (cluster.machine(id).log) cluster.losePower(id);
    cluster.time.at(cluster.time.nowMs + cluster.random.below(1500), () => {
      if (!cluster.machine(id).log) cluster.start(id);
    });
  },
  (cluster, id) => cluster.isolate(id),
  (cluster, id) => cluster.suspect(id),
  (cluster, id) => {
    for (const other of cluster.machines.keys())
      if (cluster.random.chance(0.5)) cluster.cut.add(`${id}>${other}`);
  },
  (cluster, id) =>
    void (cluster.machine(id).stoppedUntilMs = cluster.time.nowMs + cluster.random.below(1500)),
  (cluster) => void (cluster.lossProbability = cluster.random.fraction() * 0.3),
  (cluster) => void (cluster.latencyMs = 1 + cluster.random.below(60)),
  (cluster, id) => {
    const { disk } = cluster.machine(id);
    disk.full = true;
    cluster.time.at(cluster.time.nowMs + cluster.random.below(2000), () => (disk.full = false));
  },
  (cluster, id) => {
    const [leader] = cluster.leaders();
    if (leader !== undefined) cluster.logOf(leader).transferLeadership(id);
  },
  (cluster, id) => {
    const [leader] = cluster.leaders();
    if (leader === undefined) return;
    const log = cluster.logOf(leader);
    const voters = log.status().members.filter((member) => member.role === 'voter').length;
    const present = log.status().members.find((member) => member.id === id);
    if (!present) log.changeMember({ kind: 'add-learner', id }, () => {});
    else if (present.role === 'learner') log.changeMember({ kind: 'promote', id }, () => {});
    else if (voters > 3) log.changeMember({ kind: 'remove', id }, () => {});
  },
];

/** Everything works again, and everybody is a member again: then all must come to agree. */
function repair(cluster: VirtualCluster): void {
  cluster.heal();
  cluster.lossProbability = 0;
  cluster.latencyMs = 1;
  for (const machine of cluster.machines.values()) {
    machine.disk.full = false;
    if (!machine.log) cluster.start(machine.id);
  }
}

function rejoinAll(cluster: VirtualCluster, leader: string): void {
  const log = cluster.logOf(leader);
  const missing = [...cluster.machines.keys()].find(
    (id) => !log.status().members.some((member) => member.id === id),
  );
  if (missing !== undefined) log.changeMember({ kind: 'add-learner', id: missing }, () => {});
}

function runSeed(seed: number): void {
  const cluster = new VirtualCluster({ seed, voters: VOTERS, joiners: ['n6'] });
  const { random } = cluster;
  const ids = [...cluster.machines.keys()];
  const pick = (): string => ids[random.below(ids.length)] ?? '';
  const load = new RandomLoad(cluster, pick, STEP_MS);
  load.run(1500, 0.1);
  for (let round = 0; round < 12; round += 1) {
    const fault = FAULTS[random.below(FAULTS.length)];
    fault?.(cluster, pick());
    load.run(random.below(1500), 0.2);
    if (random.chance(0.3)) cluster.heal();
  }
  repair(cluster);
  for (let i = 0; i < 8; i += 1) {
    load.run(1500, 0.05);
    const [leader] = cluster.leaders();
    if (leader !== undefined) rejoinAll(cluster, leader);
  }
  let barrierPassed = false;
  cluster.logOf('n1').readBarrier((error) => (barrierPassed = error === undefined));
  load.run(1000, 0);
  assert.ok(barrierPassed, 'the repaired cluster answers reads');
  load.checkProgress();
  load.checkConverged();
}

for (const seed of seeds)
  test(`seed ${seed}: whatever fails, one history and one leader at a time`, () => runSeed(seed));
