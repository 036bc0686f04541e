/** Who is needed by those who stay is not removed: they could never decide again, unless the others come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Members } from '../../src/raft/members.ts';
import { undecidedWithout } from '../../src/service/needed.ts';
import { LiveFacade } from '../../src/service/service-facade.ts';
import type { Member } from '../../src/state/model.ts';
import { FakeCluster } from './fake-cluster.ts';
import { settle } from './settle.ts';

const voter = (name: string) => ({ id: `${name}#1`, role: 'voter' as const });
const three = [voter('n1'), voter('n2'), voter('w1')];
const tie = { id: '~tie#1', role: 'voter' as const };

function refusal(
  logMembers: Members,
  alive: readonly string[] | undefined,
  node: string,
  names: readonly string[] = ['n1', 'n2', 'w1'],
) {
  const members = Object.fromEntries(names.map((name) => [name, { name, voterId: '1' } as Member]));
  return undecidedWithout({ logMembers, alive: alive && new Set(alive) }, { members }, node);
}

test('one of three stays while another is silent, which goes first', () => {
  const found = refusal(three, ['n1', 'n2'], 'n2');
  assert.match(found?.message ?? '', /w1 is not heard: without n2 nobody could decide anything any more/);
  assert.match(found?.hint ?? '', /bring it back, or remove it first/);
  assert.equal(refusal(three, ['n1', 'n2'], 'w1'), undefined);
  assert.equal(refusal(three, ['n1', 'n2', 'w1'], 'n2'), undefined);
});

test('of a pair either leaves, and so does who does not vote', () => {
  for (const node of ['n1', 'n2'])
    assert.equal(refusal([voter('n1'), voter('n2'), tie], ['n1', 'n2'], node), undefined);
  assert.equal(refusal([voter('n1'), voter('n2'), tie], ['n1'], 'n2'), undefined);
  assert.equal(refusal([voter('n1'), voter('n2')], ['n1'], 'w1'), undefined);
  assert.equal(refusal([], ['n1'], 'n1'), undefined, 'the log is not in the nodes');
});

test('before the heart has spoken nobody is silent', () => {
  assert.equal(refusal(three, undefined, 'n2'), undefined);
});

test('who is silent goes, also while one that was removed, and whom no heart hears, waits for it in the log', () => {
  assert.equal(refusal(three, ['n1'], 'w1', ['n1', 'w1']), undefined);
  assert.match(refusal(three, ['n1'], 'n1', ['n1', 'w1'])?.message ?? '', /w1 is not heard: without n1/);
  assert.equal(refusal(three, ['n1'], 'w1'), undefined);
});

test('the last that votes stays until another member does', () => {
  const found = refusal([voter('n1'), { id: 'n2#1', role: 'learner' }], ['n1', 'n2'], 'n1', ['n1', 'n2']);
  assert.match(found?.message ?? '', /nobody else votes yet: without n1/);
  assert.match(found?.hint ?? '', /wait until another member votes/);
  assert.ok(refusal([voter('n1'), voter('n2'), tie], ['n1', 'n3'], 'n1', ['n1', 'n3']));
  assert.equal(refusal([voter('n1')], ['n1'], 'n1', ['n1']), undefined, 'the state refuses that');
  // n2 lost its log, and has joined anew: its former life has not left the log yet.
  assert.ok(refusal([voter('n1'), { id: 'n2#0', role: 'voter' }, tie], ['n1', 'n2'], 'n1', ['n1', 'n2']));
});

test('the order is refused, and nothing has changed', async () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.time.run(2000);
  cluster.powerOff('w1');
  cluster.time.run(3000);
  const { service } = cluster.machine('n1');
  const logMembers = ['n1', 'n2', 'w1'].map((name) => ({
    id: `${name}#${name}-voter`,
    role: 'voter' as const,
  }));
  Object.defineProperty(service.core.view, 'logMembers', { get: () => logMembers, set: () => {} });
  const facade = new LiveFacade(service, { clock: cluster.time, timers: cluster.time });
  await assert.rejects(settle(cluster, facade.nodeRemove('n2', false, 'me')), /w1 is not heard: without n2/);
  assert.ok(cluster.state('n1').members['n2']);
  await settle(cluster, facade.nodeRemove('w1', false, 'me'));
  assert.equal(cluster.state('n1').members['w1'], undefined);
});
