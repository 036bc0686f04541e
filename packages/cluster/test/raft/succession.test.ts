/**
 * A third voter takes the place of a pair's tie-breaker: at no moment is the pair worse off than before, whoever fails then, and it never makes two leaders or two
 * histories.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRST_LEVEL } from '../../src/state/levels.ts';
import { append, otherOf } from './support/pair.ts';
import { Keeper } from './support/keeper.ts';
import {
  isolation,
  messageLoss,
  pause,
  powerLoss,
  repair,
  slowLinks,
  suspicion,
  transfer,
  type Fault,
} from './support/random-faults.ts';
import { RandomLoad, seedsOf } from './support/random-load.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const STEP_MS = 10;
const JOIN_MS = 1500;
const KINDS = ['disk', 'proof'] as const;
const ALL = ['n1', 'n2', 'n3'];

type Kind = (typeof KINDS)[number] | 'solo';

function growing(kind: Kind, seed = 1): { cluster: VirtualCluster; keeper: Keeper } {
  const cluster = new VirtualCluster({ seed, voters: ['n1', 'n2'], joiners: ['n3'], tie: kind });
  return { cluster, keeper: new Keeper(cluster, kind, ['n1', 'n2']) };
}

function rolesAt(cluster: VirtualCluster, id: string): string {
  const { members } = cluster.logOf(id).status();
  return members.map((member) => `${member.id.replace(/#.*/, '')} ${member.role}`).join(', ');
}

function runUntilSuccessor(cluster: VirtualCluster, id: string): void {
  const endMs = cluster.time.nowMs + JOIN_MS;
  while (!rolesAt(cluster, id).includes('successor')) {
    assert.ok(cluster.time.nowMs < endMs, 'a successor comes');
    cluster.run(STEP_MS);
  }
}

for (const kind of KINDS) {
  test(`${kind}: a newcomer listens, succeeds the tie-breaker, and votes when that is gone`, () => {
    const { cluster, keeper } = growing(kind);
    const leader = cluster.waitForLeader();
    keeper.wanted = ALL;
    cluster.run(JOIN_MS);
    assert.deepEqual(keeper.begun, ['add-learner n3', 'succeed n3', 'remove tie']);
    assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 voter');
  });

  test(`${kind}: as long as the newcomer is not heard the tie-breaker decides`, () => {
    const { cluster, keeper } = growing(kind);
    const leader = cluster.waitForLeader();
    cluster.losePower('n3');
    keeper.wanted = ALL;
    cluster.run(JOIN_MS);
    assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 learner, ~tie voter');
    cluster.losePower(leader);
    const survivor = cluster.waitForLeader(6000);
    append(cluster, survivor, 'alone');
  });

  test(`${kind}: a successor that falls silent gives the place back`, () => {
    const { cluster, keeper } = growing(kind);
    const leader = cluster.waitForLeader();
    keeper.wanted = ALL;
    runUntilSuccessor(cluster, leader);
    cluster.losePower('n3');
    cluster.run(JOIN_MS);
    assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 learner, ~tie voter');
    cluster.start('n3');
    cluster.run(JOIN_MS);
    assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 voter');
  });

  test(`${kind}: programs that know no successors see the tie-breaker go first, and the newcomer already listens`, () => {
    const { cluster, keeper } = growing(kind);
    cluster.waitForLeader();
    keeper.level = FIRST_LEVEL;
    keeper.wanted = ALL;
    cluster.run(JOIN_MS);
    assert.deepEqual(keeper.begun, ['add-learner n3', 'remove tie', 'promote n3']);
  });

  for (const lost of ['the leader', 'the other node', 'the newcomer'])
    test(`${kind}: at whatever moment of the joining ${lost} loses power, the others go on`, () => {
      for (let afterMs = 0; afterMs < 800; afterMs += 20) {
        const { cluster, keeper } = growing(kind, 1 + afterMs);
        const leader = cluster.waitForLeader();
        cluster.run(1000);
        keeper.wanted = ALL;
        cluster.run(afterMs);
        const victim = { 'the leader': leader, 'the other node': otherOf(leader) }[lost] ?? 'n3';
        cluster.losePower(victim);
        cluster.run(kind === 'proof' ? 4500 : 2500);
        const next = cluster.leaders().find((id) => id !== victim);
        assert.ok(next !== undefined && cluster.logOf(next).leadership().quorate, `after ${afterMs} ms`);
        append(cluster, next, `after ${afterMs}`);
      }
    });
}

test('nobody listens while either node may go on alone; one that is heard first has that end', () => {
  const { cluster, keeper } = growing('solo');
  const leader = cluster.waitForLeader();
  cluster.losePower('n3');
  keeper.wanted = ALL;
  cluster.run(JOIN_MS);
  assert.deepEqual(keeper.begun, []);
  cluster.start('n3');
  cluster.run(JOIN_MS);
  assert.deepEqual(keeper.begun, ['remove tie', 'add-learner n3', 'promote n3']);
  assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 voter');
});

const comeAndGo = (keeper: Keeper): Fault => {
  return (cluster) => void (keeper.wanted = cluster.random.chance(0.7) ? ALL : ['n1', 'n2']);
};

const FAULTS: readonly Fault[] = [
  powerLoss(2500),
  isolation,
  (cluster, id) => void cluster.cut.add(`${id}>${id === 'n3' ? 'n1' : otherOf(id)}`),
  suspicion,
  pause(2500),
  messageLoss(0.5),
  slowLinks,
  transfer,
  (cluster, id) => {
    const { disk } = cluster.machine(id);
    disk.full = true;
    cluster.time.at(cluster.time.nowMs + cluster.random.below(2000), () => (disk.full = false));
  },
];

function runSeed(kind: (typeof KINDS)[number], seed: number): void {
  const { cluster, keeper } = growing(kind, seed);
  const { random } = cluster;
  const pick = (): string => ALL[random.below(3)] ?? 'n1';
  const load = new RandomLoad(cluster, pick, STEP_MS);
  const faults = [...FAULTS, comeAndGo(keeper), comeAndGo(keeper)];
  load.run(1500, 0.1);
  keeper.wanted = ALL;
  for (let round = 0; round < 30; round += 1) {
    faults[random.below(faults.length)]?.(cluster, pick());
    load.run(random.below(1500), 0.2);
    if (random.chance(0.4)) cluster.heal();
  }
  repair(cluster);
  keeper.wanted = ALL;
  // A fence that was under way by then has come.
  load.run(2000, 0.05);
  repair(cluster);
  load.run(15_000, 0.05);
  load.checkProgress();
  load.run(500, 0);
  load.checkConverged();
  const [leader = ''] = cluster.leaders();
  assert.equal(rolesAt(cluster, leader), 'n1 voter, n2 voter, n3 voter');
}

for (const kind of KINDS)
  for (const seed of seedsOf('RAFT', 40))
    test(`${kind}, seed ${seed}: one leader at a time, one history, while a third voter comes and goes`, () =>
      runSeed(kind, seed));
