/** A node that the other was told to go on without: it counts as not there, status says what to do, and it is not removed without a word while it may hold the tie-breaker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIdOf } from '../../../src/raft/types.ts';
import { aliveBy } from '../../../src/service/alive.ts';
import { decideFences } from '../../../src/service/leader/fencing.ts';
import { removalRefusal } from '../../../src/service/pair/removal.ts';
import { clusterStatus } from '../../../src/service/status.ts';
import type { TieView } from '../../../src/service/view.ts';
import { FakeCluster, group, volume } from '../fake-cluster.ts';

const cluster = new FakeCluster(['n1', 'n2']);
cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
cluster.untilOnline('db', 'n1');
const { core } = cluster.machine('n1').service;
const { view } = core;
const member = view.state.members['n2'];
assert(member, 'there is another node');
const n2 = memberIdOf('n2', member.voterId);
const held = { peer: n2, how: 'somebody says so', knowsAll: false };
const tie: TieView = { kind: 'proof', votes: true, trouble: undefined, held, barred: new Set([n2]) };
const { state, leadership } = view;
const heard = new Set(['n1', 'n2']);

test('it is not there, however well it is heard; another life of it is', () => {
  assert.deepEqual(aliveBy(heard, { state, leadership, tie }), new Set(['n1']));
  const before = { ...tie, barred: new Set(['n2#before']) };
  assert.deepEqual(aliveBy(heard, { state, leadership, tie: before }), heard);
});

test('the word says nothing of another life of it', () => {
  const owned = { ...state, groups: { db: { ...state.groups['db'], owner: 'n2' } } } as typeof state;
  const alive = new Set(['n1']);
  const stopped = (held: TieView['held']): readonly string[] =>
    decideFences({ view: { ...view, state: owned, tie: { ...tie, held } }, alive } as never).map(
      ({ kind }) => kind,
    );
  assert.deepEqual(stopped(held), ['node-stopped']);
  assert.deepEqual(stopped({ ...held, peer: 'n2#before' }), []);
});

test('both say what is to be done', () => {
  view.tie = tie;
  const says = (text: RegExp): boolean => clusterStatus(core).warnings.some((line) => text.test(line));
  assert.ok(
    says(/n1 was told to go on without what n2 may have decided.*n2 has to join anew from an empty folder/),
  );
  view.tie = { ...tie, held: undefined, barred: new Set(), leftOutBy: n2 };
  assert.ok(
    says(/n2 was told to go on without what n1 has decided.*n1 may not start anything\. It has to join anew/),
  );
});

test('it is removed with the word that it is off; when it is heard it has been told, and needs none', () => {
  const path = { peer: 'n2', up: false } as (typeof view.paths)[number];
  const refusal = removalRefusal({ state, tie, paths: [path] }, 'n2', false);
  assert.match(refusal?.message ?? '', /n2 is not heard, and may hold the tie-breaker/);
  assert.match(refusal?.hint ?? '', /eterne node remove n2 --confirm-stopped/);
  assert.equal(removalRefusal({ state, tie, paths: [path] }, 'n2', true), undefined);
  assert.equal(removalRefusal({ state, tie, paths: [{ ...path, up: true }] }, 'n2', false), undefined);
  assert.equal(
    removalRefusal({ state, tie: { ...tie, barred: new Set() }, paths: [path] }, 'n2', false),
    undefined,
  );
});
