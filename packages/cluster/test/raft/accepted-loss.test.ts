/** A pair whose tie-breaker is a proof, and an operator who lets one node go on without what the other may have: what they decide is never taken for one history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EterneError } from '@eterne/base';
import { Keeper } from './support/keeper.ts';
import { append, oneWayCut, otherOf } from './support/pair.ts';
import {
  isolation,
  messageLoss,
  pause,
  powerLoss,
  slowLinks,
  suspicion,
  type Fault,
} from './support/random-faults.ts';
import { seedsOf } from './support/random-load.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

/** `first` has decided `own` without the other, and lost its power. */
interface Lost {
  readonly cluster: VirtualCluster;
  readonly first: string;
  readonly second: string;
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}.${index}`);

function lost(seed: number, own: readonly string[]): Lost {
  const cluster = new VirtualCluster({ seed, voters: ['n1', 'n2'], tie: 'proof', compactAfterEntries: 100 });
  const first = cluster.waitForLeader();
  cluster.run(2000);
  const second = otherOf(first);
  // Also when the fence has it started again.
  cluster.isolate(second);
  cluster.losePower(second);
  cluster.run(3000);
  cluster.waitForLeader(6000);
  for (const command of own) append(cluster, first, command);
  for (const id of [first, second]) cluster.losePower(id);
  cluster.fenceChance = 0;
  cluster.heal();
  return { cluster, first, second };
}

function accept(cluster: VirtualCluster, id: string): void {
  let answer: EterneError | 'none' | undefined = 'none';
  cluster.machine(id).transport?.takeByWord('somebody says so', true, (error) => (answer = error));
  cluster.run(100);
  assert.equal(answer, undefined);
}

/** What is not known to be decided when a node loses its power it applies when it knows again. */
function checkApplied(
  { cluster, first, second }: Lost,
  own: readonly string[],
  others: readonly string[],
): void {
  const { applied } = cluster.machine(first);
  assert.deepEqual(applied, own.slice(0, applied.length));
  assert.deepEqual(cluster.machine(second).applied, others);
}

function checkApart(all: Lost, own: readonly string[], others: readonly string[]): void {
  const { cluster, first, second } = all;
  append(cluster, second, 'still');
  checkApplied(all, own, [...others, 'still']);
  const tie = cluster.machine(first).transport?.tie;
  assert.equal(tie?.leftOutBy, second);
  assert.equal(tie?.held, undefined);
  assert.equal(cluster.logOf(first).leadership().quorate, false, 'it decides nothing any more');
}

for (const [ownCount, otherCount] of [
  [1, 1],
  [6, 1],
  [1, 6],
] as const)
  test(`${ownCount} entries that only the other has are not mixed with ${otherCount} by word, in whatever order the two start`, () => {
    const own = numbered('own', ownCount);
    const others = numbered('word', otherCount);
    for (let seed = 1; seed <= 4; seed += 1) {
      const all = lost(seed, own);
      const { cluster, first, second } = all;
      cluster.start(second);
      cluster.run(1000);
      accept(cluster, second);
      cluster.waitForLeader();
      for (const command of others) append(cluster, second, command);
      const isOneOff = seed % 2 === 0;
      if (isOneOff) cluster.losePower(second);
      cluster.start(first);
      if (isOneOff) {
        cluster.run(3000);
        cluster.start(second);
      }
      cluster.run(6000);
      checkApart(all, own, others);
      for (const id of [first, second]) cluster.losePower(id);
      cluster.start(first);
      cluster.start(second);
      cluster.run(8000);
      checkApplied(all, own, [...others, 'still']);
    }
  });

test('who is removed by the one that went on without it is not believed when it runs again, and gives way', () => {
  const all = lost(1, ['own']);
  const { cluster, first, second } = all;
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2']);
  cluster.start(second);
  cluster.run(1000);
  accept(cluster, second);
  cluster.waitForLeader();
  keeper.wanted = [second];
  cluster.run(2000);
  assert.deepEqual(
    cluster
      .logOf(second)
      .status()
      .members.map(({ id }) => id),
    [second],
    'nor is there a tie-breaker',
  );
  cluster.start(first);
  cluster.run(3000);
  checkApart(all, ['own'], []);
  cluster.losePower(second);
  cluster.start(second);
  cluster.run(3000);
  append(cluster, second, 'again');
  checkApplied(all, ['own'], ['still', 'again']);
});

test('nobody comes to what is decided alone before those that were left out are gone', () => {
  const { cluster, first, second } = lost(1, ['own']);
  const keeper = new Keeper(cluster, 'proof', ['n1', 'n2']);
  cluster.start(second);
  cluster.run(1000);
  accept(cluster, second);
  cluster.waitForLeader();
  keeper.wanted = ['n1', 'n2', 'n3'];
  cluster.run(3000);
  assert.deepEqual(keeper.begun, [], 'a third one would believe the other');
  keeper.wanted = [second, 'n3'];
  cluster.run(3000);
  assert.deepEqual(keeper.begun, [`remove ${first}`, 'remove tie', 'add-learner n3']);
});

test('where both were let go on without the other the later word stays', () => {
  const { cluster, first, second } = lost(1, ['own']);
  cluster.start(second);
  cluster.run(1000);
  accept(cluster, second);
  cluster.waitForLeader();
  append(cluster, second, 'earlier');
  cluster.losePower(second);
  cluster.machine(first).disk.remove('tie');
  cluster.start(first);
  cluster.run(4000);
  assert.deepEqual(cluster.leaders(), [], 'it has not met the other');
  accept(cluster, first);
  cluster.waitForLeader();
  append(cluster, first, 'later');
  cluster.start(second);
  cluster.run(6000);
  assert.deepEqual(cluster.leaders(), [first]);
  append(cluster, first, 'still');
  assert.deepEqual(cluster.machine(first).applied, ['own', 'later', 'still']);
  const { applied } = cluster.machine(second);
  assert.deepEqual(applied, ['earlier'].slice(0, applied.length));
  assert.equal(cluster.machine(second).transport?.tie?.leftOutBy, first);
  assert.equal(cluster.machine(first).transport?.tie?.leftOutBy, undefined);
});

test('while the record cannot be read nobody is believed, and nothing of it is lost', () => {
  const all = lost(1, ['own']);
  const { cluster, first, second } = all;
  cluster.start(second);
  cluster.run(1000);
  accept(cluster, second);
  cluster.waitForLeader();
  cluster.losePower(second);
  const { disk } = cluster.machine(second);
  const record = disk.content('tie') ?? Buffer.alloc(0);
  disk.put('tie', Buffer.from('?'));
  for (const id of [first, second]) cluster.start(id);
  cluster.run(3000);
  assert.match(cluster.machine(second).transport?.tie?.trouble ?? '', /raft.tie/);
  assert.equal(disk.content('tie')?.toString(), '?');
  checkApplied(all, ['own'], []);
  disk.put('tie', record);
  cluster.run(4000);
  checkApart(all, ['own'], []);
});

const FAULTS: readonly Fault[] = [
  powerLoss(3000),
  isolation,
  oneWayCut,
  suspicion,
  pause(2500),
  messageLoss(0.5),
  slowLinks,
  (cluster) => void (cluster.fenceChance = cluster.random.fraction()),
];

/** Each goes on in its own history, however often both are started, cut off and fenced. */
function runSeed(seed: number): void {
  const { cluster, first, second } = lost(seed, ['own.0', 'own.1']);
  const { random } = cluster;
  cluster.start(second);
  cluster.run(1000);
  accept(cluster, second);
  cluster.waitForLeader();
  const acknowledged = new Set<string>();
  const pick = (): string => (random.chance(0.5) ? first : second);
  for (let number = 0; number < 1500; number += 1) {
    if (random.chance(0.015)) FAULTS[random.below(FAULTS.length)]?.(cluster, pick());
    if (random.chance(0.01)) cluster.heal();
    const by = pick();
    if (random.chance(0.1))
      cluster.machine(by).log?.append(`${by}.${number}`, ({ kind }) => {
        if (kind === 'applied') acknowledged.add(`${by}.${number}`);
      });
    cluster.run(10);
    for (const id of [first, second]) {
      const { applied } = cluster.machine(id);
      const isOwn = (command: string): boolean =>
        command.startsWith(id) || (id === first && command.startsWith('own'));
      assert.ok(applied.every(isOwn), `${id} has applied ${applied.join()}`);
    }
  }
  cluster.heal();
  Object.assign(cluster, { lossProbability: 0, latencyMs: 1, fenceChance: 0 });
  cluster.run(5000);
  for (const id of [first, second]) if (!cluster.machine(id).log) cluster.start(id);
  cluster.run(8000);
  append(cluster, second, `${second}.last`);
  assert.deepEqual(cluster.leaders(), [second]);
  assert.equal(cluster.machine(first).transport?.tie?.leftOutBy, second);
  const { applied } = cluster.machine(second);
  for (const command of acknowledged)
    assert.ok(!command.startsWith(second) || applied.includes(command), `acknowledged and lost: ${command}`);
}

for (const seed of seedsOf('RAFT', 8))
  test(`seed ${seed}: two histories stay two, and one of them goes on`, () => runSeed(seed));
