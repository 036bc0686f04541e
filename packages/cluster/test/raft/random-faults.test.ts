import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomLoad, seedsOf } from './support/random-load.ts';
import { FAULTS, repair, retime } from './support/random-faults.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const VOTERS = ['n1', 'n2', 'n3', 'n4', 'n5'];
/** So many that rounds of heartbeats go to half of them in turn. */
const MANY = Array.from({ length: 9 }, (_, index) => `n${index + 1}`);
const STEP_MS = 5;

/** `ETERNE_RAFT_SEED=17` runs one seed; `ETERNE_RAFT_SEEDS=500` runs many. */
const seeds = seedsOf('RAFT', 12);

function rejoinAll(cluster: VirtualCluster, leader: string): void {
  const log = cluster.logOf(leader);
  const missing = [...cluster.machines.keys()].find(
    (id) => !log.status().members.some((member) => member.id === id),
  );
  if (missing !== undefined) log.changeMember({ kind: 'add-learner', id: missing }, () => {});
}

/** `wan`'s times are ten times `lan`'s, and some of the run is spent in it. */
const PROFILE_PACE = 3;

interface Course {
  readonly changesProfiles: boolean;
  readonly voters?: readonly string[];
}

function runSeed(seed: number, { changesProfiles, voters = VOTERS }: Course): void {
  const cluster = new VirtualCluster({ seed, voters, joiners: [`n${voters.length + 1}`] });
  const { random } = cluster;
  const ids = [...cluster.machines.keys()];
  const pick = (): string => ids[random.below(ids.length)] ?? '';
  const load = new RandomLoad(cluster, pick, STEP_MS);
  load.run(1500, 0.1);
  for (let round = 0; round < 12; round += 1) {
    const fault = FAULTS[random.below(FAULTS.length)];
    fault?.(cluster, pick());
    if (changesProfiles) retime(cluster);
    load.run(random.below(1500) * (changesProfiles ? PROFILE_PACE : 1), 0.2);
    if (random.chance(0.3)) cluster.heal();
  }
  repair(cluster);
  if (changesProfiles) load.run(12_000, 0.02);
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
  test(`seed ${seed}: whatever fails, one history and one leader at a time`, () =>
    runSeed(seed, { changesProfiles: false }));

for (const seed of seeds.slice(0, 2))
  test(`seed ${seed}: nine voters, likewise`, () => runSeed(seed, { changesProfiles: false, voters: MANY }));

for (const seed of seeds)
  test(`seed ${seed}: likewise while members go from profile to profile, each when it hears of it`, () =>
    runSeed(seed, { changesProfiles: true }));
