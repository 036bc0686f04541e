import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PingWatch } from '../../../src/service/pair/ping-watch.ts';
import type { TieKind } from '../../../src/raft/tie/tie-id.ts';
import { hasPriority, proveStopped } from '../../../src/service/pair/prover.ts';
import { timingOf } from '../../../src/service/timing.ts';
import type { ClusterConfig, ClusterState, GroupState, TieBreaker } from '../../../src/state/model.ts';
import { device } from '../../fencing/device.ts';
import { foundedState } from '../../state/founded.ts';
import { FakeMonitor } from '../fake-node.ts';
import { VirtualTime } from '../virtual-time.ts';

const FENCING: TieBreaker = { kind: 'fencing', delayMs: 2000, ping: ['10.0.0.254'] };

/** n2 is lost; `owner` owns the only group. */
function trial(
  owner: string,
  tieBreaker: TieBreaker = FENCING,
  more: Partial<Pick<ClusterConfig, 'prefer' | 'ping'>> = {},
  tie: TieKind = more.prefer === undefined ? 'proof' : 'solo',
) {
  const time = new VirtualTime();
  const monitor = new FakeMonitor(time, new Map());
  const base = foundedState();
  const owned = { owner } as GroupState;
  const config = { ...base.config, ...more, tieBreaker, fencing: [device({ node: 'n2' })] };
  const state: ClusterState = { ...base, config, groups: { db: owned } };
  const lost = new Set(['n2']);
  const results: object[] = [];
  let isSought = true;
  const parts = {
    world: { timers: time },
    self: 'n1',
    monitor,
    state: () => state,
    isLost: (node: string) => lost.has(node),
  };
  proveStopped(
    parts,
    tie,
    'n2',
    () => isSought,
    (result) => results.push(result),
  );
  const settle = (): void => {
    isSought = false;
  };
  return { time, monitor, lost, results, settle };
}

test('the node with the groups fences at once, the other after the delay', () => {
  const first = trial('n1');
  first.time.run(400);
  assert.deepEqual(first.results, [{ how: 'fenced by n1: by the test' }]);
  const second = trial('n2');
  second.time.run(1900);
  assert.deepEqual(second.monitor.log, []);
  second.time.run(500);
  assert.deepEqual(second.monitor.log, ['fence n2']);
  assert(hasPriority({ groups: {} } as unknown as ClusterState, 'n1', 'n2'), 'of equals the first by name');
});

test('who is heard again during the delay is not fenced', () => {
  const { time, monitor, lost, results } = trial('n2');
  time.run(1000);
  lost.clear();
  time.run(2000);
  assert.deepEqual(monitor.log, []);
  assert.deepEqual(results, [{ trouble: 'n2 is heard again' }]);
});

test('once an operator has said that it is off, it is not fenced any more: it may be starting', () => {
  const { time, monitor, settle } = trial('n2');
  time.run(1000);
  settle();
  time.run(2000);
  assert.deepEqual(monitor.log, []);
});

test('without an answer from the reference addresses nobody is fenced; their answer alone proves nothing', () => {
  const cut = trial('n1');
  cut.monitor.failures.set('ping', 'cut off');
  cut.time.run(3000);
  assert.deepEqual(cut.monitor.log, []);
  assert.match(JSON.stringify(cut.results), /seems to be the one that is cut off/);
  const burnt = trial('n1');
  burnt.monitor.failures.set('fence n2', 'burnt');
  burnt.time.run(3000);
  assert.match(JSON.stringify(burnt.results), /n2 could not be fenced: burnt/);
});

test('without fencing only an operator can tell', () => {
  const { time, monitor, results } = trial('n1', { kind: 'none' });
  time.run(5000);
  assert.deepEqual(monitor.log, []);
  assert.match(JSON.stringify(results), /only an operator can say/);
});

test('the veto lasts while a node is missed and no reference address answers', () => {
  const time = new VirtualTime();
  const monitor = new FakeMonitor(time, new Map());
  let isWhole = true;
  const watch = new PingWatch({
    world: { timers: time },
    monitor,
    addresses: () => ['10.0.0.254'],
    isWhole: () => isWhole,
  });
  monitor.failures.set('ping', 'cut off');
  time.run(3000);
  assert.equal(watch.isVetoed, false);
  isWhole = false;
  time.run(1100);
  assert.equal(watch.isVetoed, true);
  monitor.failures.clear();
  time.run(1100);
  assert.equal(watch.isVetoed, false);
  watch.close();
});

const SILENCE = { prefer: 'availability', ping: [] } as const;
const isProven = (results: readonly object[]): boolean => results.some((result) => 'how' in result);

test('of a pair that prefers availability silence is the proof: for the node with the groups at once, for the other when the rights of that one are over', () => {
  const first = trial('n1', { kind: 'none' }, SILENCE);
  first.time.run(1);
  assert(isProven(first.results));
  const { leaseMs, goneGraceMs, marginMs, lostAfterMs } = timingOf(foundedState());
  const restMs = leaseMs + goneGraceMs + marginMs - lostAfterMs;
  const second = trial('n2', { kind: 'none' }, SILENCE);
  second.time.run(restMs - 10);
  assert.deepEqual(second.results, [], 'the other may still run what it owned');
  second.time.run(20);
  assert(isProven(second.results));
  assert.deepEqual(second.monitor.log, [], 'nobody is fenced');
});

test('… but not for the tie-breaker that needs a proof, as long as that one still votes', () => {
  for (const owner of ['n1', 'n2']) {
    const { time, results } = trial(owner, { kind: 'none' }, SILENCE, 'proof');
    time.run(5000);
    assert.match(JSON.stringify(results), /only an operator can say/);
  }
});

test('… and whoever is heard again meanwhile is not missed', () => {
  const { time, lost, results } = trial('n2', { kind: 'none' }, SILENCE);
  time.run(100);
  lost.clear();
  time.run(3000);
  assert.deepEqual(results, [{ trouble: 'n2 is heard again' }]);
});

test('… and while no reference address answers this node is the one that is cut off', () => {
  const { time, monitor, results } = trial('n1', { kind: 'none' }, { ...SILENCE, ping: ['10.0.0.254'] });
  monitor.failures.set('ping', 'cut off');
  time.run(3000);
  assert.match(JSON.stringify(results), /cut off/);
});
