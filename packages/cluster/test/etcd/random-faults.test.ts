/** `ETERNE_ETCD_SEED=17` runs one seed; `ETERNE_ETCD_SEEDS=500` runs many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILES } from '../../src/profiles.ts';
import { RandomLoad, seedsOf } from '../raft/support/random-load.ts';
import { VirtualLogCluster } from './support/virtual-log-cluster.ts';

const MEMBERS = ['n1', 'n2', 'n3', 'n4'];
const STEP_MS = 10;

/** A snapshot written late brought an older one back. */
const FOUND = [51];

const isOne = process.env['ETERNE_ETCD_SEED'] !== undefined;
const seeds = [...(isOne ? [] : FOUND), ...seedsOf('ETCD', 5)];

type Fault = (cluster: VirtualLogCluster, id: string) => void;

const FAULTS: readonly Fault[] = [
  (cluster, id) => {
    if (cluster.machine(id).log) cluster.kill(id);
    cluster.time.at(cluster.time.nowMs + cluster.random.below(5000), () => {
      if (!cluster.machine(id).log) cluster.start(id);
    });
  },
  (cluster, id) => void cluster.etcd.cut.add(id),
  (cluster, id) =>
    void (cluster.machine(id).stoppedUntilMs = cluster.time.nowMs + cluster.random.below(8000)),
  ({ etcd, random }) => void (etcd.lossProbability = random.fraction() * 0.4),
  ({ etcd, random }) => void (etcd.latencyMs = 1 + random.below(400)),
  ({ etcd, random, time }) => {
    etcd.isFrozen = true;
    time.at(time.nowMs + random.below(8000), () => etcd.thaw());
  },
  (cluster, id) => {
    const [leader] = cluster.leaders();
    if (leader !== undefined) cluster.machine(leader).log?.transferLeadership(id);
  },
];

/** As in raft/support/random-faults.ts. */
function retime(cluster: VirtualLogCluster): void {
  for (const machine of cluster.machines.values())
    if (cluster.random.chance(0.25))
      machine.timing = PROFILES[cluster.random.chance(0.5) ? 'lan' : 'wan'].etcd;
}

function runSeed(seed: number, changesProfiles: boolean): void {
  const cluster = new VirtualLogCluster(seed, MEMBERS);
  const { random, etcd } = cluster;
  const pick = (): string => MEMBERS[random.below(MEMBERS.length)] ?? '';
  const load = new RandomLoad(cluster, pick, STEP_MS);
  load.run(3000, 0.1);
  for (let round = 0; round < 14; round += 1) {
    FAULTS[random.below(FAULTS.length)]?.(cluster, pick());
    if (changesProfiles) retime(cluster);
    load.run(random.below(5000) * (changesProfiles ? 2 : 1), 0.15);
    if (!random.chance(0.4)) continue;
    etcd.cut.clear();
    etcd.latencyMs = 2;
  }
  etcd.thaw();
  etcd.cut.clear();
  etcd.lossProbability = 0;
  etcd.latencyMs = 2;
  for (const machine of cluster.machines.values()) machine.timing = PROFILES.lan.etcd;
  load.run(changesProfiles ? 25_000 : 9000, 0);
  for (const { id, log } of cluster.machines.values()) if (!log) cluster.start(id);
  load.run(9000, 0.1);
  load.run(1000, 0);
  assert.equal(cluster.leaders().length, 1, 'the repaired cluster has a leader');
  let passed = 0;
  for (const { log } of cluster.machines.values()) log?.readBarrier((error) => (passed += error ? 0 : 1));
  load.run(6000, 0);
  assert.equal(passed, MEMBERS.length, 'everybody answers reads');
  load.checkProgress();
  load.checkConverged();
  for (const command of load.safety.history)
    assert.ok(!load.refused.has(command), `refused, and applied: ${command}`);
  assert.ok(etcd.size < 100, `${etcd.size} keys are left in etcd: the log is bounded`);
}

for (const seed of seeds)
  test(`seed ${seed}: whatever fails, one history and one leader at a time`, () => runSeed(seed, false));

for (const seed of seedsOf('ETCD', 5))
  test(`seed ${seed}: likewise while members go from profile to profile, each when it hears of it`, () =>
    runSeed(seed, true));
