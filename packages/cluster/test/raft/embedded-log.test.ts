import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EterneError } from '@eterne/base';
import { encodeMessage } from '../../src/raft/messages/message.ts';
import { PROPOSALS_MAX, type AppendResult } from '../../src/raft/proposals.ts';
import { VirtualCluster } from './support/virtual-cluster.ts';

const THREE = ['n1', 'n2', 'n3'];

function append(cluster: VirtualCluster, id: string, command: string): { result?: AppendResult } {
  const outcome: { result?: AppendResult } = {};
  cluster.logOf(id).append(command, (result) => {
    assert.equal(outcome.result, undefined, 'answered once');
    outcome.result = result;
  });
  return outcome;
}

function others(leader: string): [string, string] {
  const [a = '', b = ''] = THREE.filter((id) => id !== leader);
  return [a, b];
}

test('three voters elect a leader and apply one order everywhere', () => {
  const cluster = new VirtualCluster({ seed: 1, voters: THREE });
  const leader = cluster.waitForLeader();
  const outcomes = THREE.map((id) => append(cluster, id, `from ${id}`));
  cluster.run(100);
  assert.deepEqual(
    outcomes.map(({ result }) => result?.kind),
    ['applied', 'applied', 'applied'],
  );
  const orders = new Set(THREE.map((id) => cluster.machine(id).applied.join()));
  assert.equal(orders.size, 1);
  assert.equal(cluster.machine(leader).applied.length, 3);
});

test('a lost leader is replaced, and what is committed stays', () => {
  const cluster = new VirtualCluster({ seed: 2, voters: THREE });
  const first = cluster.waitForLeader();
  append(cluster, first, 'kept');
  cluster.run(50);
  const lostAt = cluster.time.nowMs;
  cluster.losePower(first);
  const second = cluster.waitForLeader();
  assert.ok(cluster.time.nowMs - lostAt < 1400, `elected after ${cluster.time.nowMs - lostAt} ms`);
  assert.deepEqual(cluster.machine(second).applied, ['kept']);
  cluster.start(first);
  append(cluster, second, 'more');
  cluster.run(500);
  assert.deepEqual(cluster.machine(first).applied, ['kept', 'more']);
});

test('a leader that is cut off loses its authority and answers no read, and its appends end as unknown', () => {
  const cluster = new VirtualCluster({ seed: 3, voters: THREE });
  const leader = cluster.waitForLeader();
  cluster.isolate(leader);
  const outcome = append(cluster, leader, 'lost');
  let read: EterneError | undefined;
  cluster.logOf(leader).readBarrier((error) => (read = error));
  cluster.run(650);
  const { authorityUntilBootMs } = cluster.logOf(leader).leadership();
  assert.ok(authorityUntilBootMs < cluster.bootMs(cluster.machine(leader)));
  assert.ok(!cluster.logOf(leader).leadership().quorate);
  cluster.run(6000);
  assert.equal(outcome.result?.kind, 'unknown');
  assert.equal(read?.code, 'no-quorum');
  assert.equal(cluster.logOf(leader).leadership().isLeader, false);
});

test('what cannot be read, and what names another sender than its connection, is counted and changes nothing', () => {
  const cluster = new VirtualCluster({ seed: 4, voters: THREE });
  const leader = cluster.waitForLeader();
  const [a, b] = others(leader);
  const { term } = cluster.logOf(leader).status();
  cluster.say(a, leader, Buffer.from([250, 1, 2]));
  cluster.say(
    a,
    leader,
    encodeMessage({ from: b, to: leader, term: term + 7, body: { kind: 'timeout-now' } }),
  );
  cluster.run(100);
  const { malformed, forged } = cluster.machine(leader).drops.counts;
  assert.deepEqual([malformed, forged], [1, 1]);
  assert.equal(cluster.logOf(leader).status().term, term);
});

test('an append that never reached a leader is refused', () => {
  const cluster = new VirtualCluster({ seed: 4, voters: THREE });
  for (const id of THREE) cluster.isolate(id);
  const outcome = append(cluster, 'n1', 'nowhere');
  cluster.run(6000);
  assert.equal(outcome.result?.kind, 'refused');
});

test('an append whose leader dies is sent again and applied once', () => {
  const cluster = new VirtualCluster({ seed: 5, voters: THREE });
  const leader = cluster.waitForLeader();
  const [sender] = others(leader);
  const outcome = append(cluster, sender, 'once');
  cluster.run(2);
  cluster.losePower(leader);
  cluster.run(3000);
  assert.equal(outcome.result?.kind, 'applied');
  assert.deepEqual(cluster.machine(sender).applied, ['once']);
});

test('a command that is sent many times because its answers are lost is applied once', () => {
  const cluster = new VirtualCluster({ seed: 6, voters: THREE });
  const leader = cluster.waitForLeader();
  const [sender, third] = others(leader);
  // The leader hears the sender, and nothing comes back; the third member keeps the leader in office.
  cluster.cut.add(`${leader}>${sender}`).add(`${third}>${sender}`);
  append(cluster, sender, 'again and again');
  cluster.run(4000);
  cluster.heal();
  cluster.run(2000);
  for (const id of THREE) assert.deepEqual(cluster.machine(id).applied, ['again and again']);
});

test('a member with a full disk falls silent, alone, and speaks again when there is room', () => {
  const cluster = new VirtualCluster({ seed: 7, voters: THREE });
  const leader = cluster.waitForLeader();
  cluster.machine(leader).disk.full = true;
  append(cluster, leader, 'cannot be written here');
  cluster.run(50);
  assert.equal(cluster.logOf(leader).leadership().isLeader, false);
  const next = cluster.waitForLeader();
  assert.notEqual(next, leader);
  const outcome = append(cluster, next, 'goes on');
  cluster.run(200);
  assert.equal(outcome.result?.kind, 'applied');
  cluster.machine(leader).disk.full = false;
  cluster.run(2500);
  assert.deepEqual(cluster.machine(leader).applied, cluster.machine(next).applied);
  // Nothing it wrote half is in the way of its next life.
  cluster.losePower(leader);
  cluster.start(leader);
  cluster.run(2000);
  assert.deepEqual(cluster.machine(leader).applied, cluster.machine(next).applied);
});

test('a member that starts with a full disk does not vote until its start is on disk', () => {
  const cluster = new VirtualCluster({ seed: 8, voters: THREE });
  cluster.waitForLeader();
  for (const id of THREE) cluster.losePower(id);
  for (const id of ['n1', 'n2']) cluster.machine(id).disk.full = true;
  for (const id of THREE) cluster.start(id);
  cluster.run(5000);
  assert.deepEqual(cluster.leaders(), []);
  for (const id of ['n1', 'n2']) cluster.machine(id).disk.full = false;
  cluster.waitForLeader();
});

test('a member whose log is gone, or is another’s, does not start', () => {
  const cluster = new VirtualCluster({ seed: 9, voters: THREE });
  const leader = cluster.waitForLeader();
  const [lost, swapped] = others(leader);
  const foreign = cluster.machine(leader).disk.content('raft.log') ?? assert.fail('the leader has a log');
  for (const id of [lost, swapped]) cluster.losePower(id);
  cluster.machine(lost).disk.remove('raft.log');
  cluster.machine(swapped).disk.put('raft.log', foreign);
  for (const id of [lost, swapped]) cluster.start(id);
  cluster.run(3000);
  assert.equal(cluster.machine(lost).openError?.code, 'corrupt');
  assert.equal(cluster.machine(swapped).openError?.code, 'refused');
  assert.deepEqual(cluster.leaders(), [], 'one of three is no majority');
});

test('a member that was away gets a snapshot of many chunks', () => {
  const cluster = new VirtualCluster({ seed: 10, voters: THREE, compactAfterEntries: 5 });
  const leader = cluster.waitForLeader();
  const [away] = others(leader);
  cluster.losePower(away);
  for (let i = 0; i < 700; i += 1) {
    append(cluster, leader, `${i} ${'x'.repeat(1500)}`);
    if (i % 50 === 0) cluster.run(50);
  }
  cluster.run(500);
  cluster.start(away);
  cluster.run(3000);
  assert.equal(cluster.machine(away).applied.length, 700);
  assert.deepEqual(cluster.machine(away).applied, cluster.machine(leader).applied);
});

test('what is committed is replayed at start, before anybody else is heard', () => {
  const cluster = new VirtualCluster({ seed: 11, voters: THREE });
  const leader = cluster.waitForLeader();
  for (let i = 0; i < 30; i += 1) append(cluster, leader, String(i));
  cluster.run(1000);
  for (const id of THREE) cluster.losePower(id);
  cluster.isolate('n1');
  cluster.start('n1');
  cluster.run(50);
  const replayed = cluster.machine('n1').applied;
  assert.deepEqual(
    replayed,
    Array.from({ length: replayed.length }, (_, i) => String(i)),
  );
  assert.ok(replayed.length >= 20, `${replayed.length} replayed`);
});

test('too many and too large commands are refused at once', () => {
  const cluster = new VirtualCluster({ seed: 12, voters: THREE });
  cluster.waitForLeader();
  cluster.run(500);
  const outcomes = Array.from({ length: PROPOSALS_MAX + 1 }, (_, i) => append(cluster, 'n1', String(i)));
  const large = append(cluster, 'n2', 'x'.repeat(1024 * 1024));
  cluster.run(1);
  assert.equal(outcomes.at(-1)?.result?.kind, 'refused');
  assert.equal(outcomes.at(-2)?.result, undefined);
  assert.equal(large.result?.kind, 'refused');
  cluster.run(5000);
  assert.equal(outcomes.filter(({ result }) => result?.kind === 'applied').length, PROPOSALS_MAX);
});

test('leadership is handed over within an election timeout', () => {
  const cluster = new VirtualCluster({ seed: 13, voters: THREE });
  const leader = cluster.waitForLeader();
  // Until the others have its first entry too.
  cluster.run(200);
  const [successor] = others(leader);
  assert.equal(cluster.logOf(leader).transferLeadership(successor), undefined);
  cluster.run(900);
  assert.deepEqual(cluster.leaders(), [successor]);
});

test('a single voter becomes three, and the first may leave', () => {
  const cluster = new VirtualCluster({ seed: 14, voters: ['n1'], joiners: ['n2', 'n3'] });
  cluster.waitForLeader();
  const errors: unknown[] = [];
  const change = (leader: string, kind: 'add-learner' | 'promote' | 'remove', id: string): void => {
    cluster.logOf(leader).changeMember({ kind, id }, (error) => errors.push(error));
    cluster.run(500);
  };
  append(cluster, 'n1', 'before');
  for (const id of ['n2', 'n3']) {
    change('n1', 'add-learner', id);
    change('n1', 'promote', id);
  }
  change('n1', 'remove', 'n1');
  assert.deepEqual(errors, [undefined, undefined, undefined, undefined, undefined]);
  cluster.losePower('n1');
  const leader = cluster.waitForLeader();
  const outcome = append(cluster, leader, 'after');
  cluster.run(200);
  assert.equal(outcome.result?.kind, 'applied');
  for (const id of ['n2', 'n3']) assert.deepEqual(cluster.machine(id).applied, ['before', 'after']);
});

test('closing answers whoever waits', () => {
  const cluster = new VirtualCluster({ seed: 15, voters: THREE });
  const outcome = append(cluster, 'n1', 'never');
  let closed = false;
  cluster.logOf('n1').close(() => (closed = true));
  cluster.run(20);
  assert.equal(outcome.result?.kind, 'refused');
  assert.ok(closed);
});

test('a member that restarts is not taken for its former life', () => {
  const cluster = new VirtualCluster({ seed: 16, voters: THREE });
  const [member] = others(cluster.waitForLeader());
  for (const command of ['a', 'b', 'c']) {
    const outcome = append(cluster, member, command);
    cluster.run(500);
    assert.equal(outcome.result?.kind, 'applied');
    cluster.losePower(member);
    cluster.start(member);
    cluster.run(1500);
  }
  assert.deepEqual(cluster.machine(member).applied, ['a', 'b', 'c']);
});

test('a copy of a former life’s command that comes after a new life began is not applied', () => {
  const cluster = new VirtualCluster({ seed: 17, voters: THREE });
  const leader = cluster.waitForLeader();
  const [member] = others(leader);
  cluster.delayMs = (from, to) => (from === member && to === leader ? 2000 : 0);
  append(cluster, member, 'late');
  cluster.run(10);
  cluster.losePower(member);
  cluster.delayMs = () => 0;
  cluster.start(member);
  cluster.run(4000);
  assert.deepEqual(cluster.machine(leader).applied, []);
});

test('what a new life reads already contains whatever will ever come of its former life', () => {
  const cluster = new VirtualCluster({ seed: 19, voters: THREE });
  const leader = cluster.waitForLeader();
  const [member, third] = others(leader);
  cluster.run(500);
  // The leader has the command, and cannot commit it before the member is back.
  cluster.isolate(third);
  append(cluster, member, 'on its way');
  cluster.run(1);
  cluster.losePower(member);
  cluster.run(5);
  cluster.start(member);
  cluster.run(5);
  let seen: readonly string[] | undefined;
  cluster.logOf(member).readBarrier(() => (seen = [...cluster.machine(member).applied]));
  cluster.run(2000);
  assert.deepEqual(cluster.machine(leader).applied, ['on its way']);
  assert.deepEqual(seen, ['on its way']);
});

test('a successor that dies costs less than a lease and its grace', () => {
  const cluster = new VirtualCluster({ seed: 18, voters: THREE });
  const leader = cluster.waitForLeader();
  const [successor] = others(leader);
  const bootMs = (): number => cluster.bootMs(cluster.machine(leader));
  cluster.logOf(leader).transferLeadership(successor);
  cluster.losePower(successor);
  let blindMs = 0;
  for (let spent = 0; spent < 3000; spent += 10) {
    cluster.run(10);
    if (cluster.logOf(leader).leadership().authorityUntilBootMs < bootMs()) blindMs += 10;
  }
  assert.deepEqual(cluster.leaders(), [leader]);
  assert.ok(blindMs < 100, `nobody could grant anything for ${blindMs} ms`);
});
