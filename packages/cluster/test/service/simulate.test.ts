import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { FailureSimulation, SimulationRequest } from '../../src/service/facade.ts';
import { simulate } from '../../src/service/simulate.ts';
import type { GroupSpec } from '../../src/state/model.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

const NODES = ['n1', 'n2', 'n3'];

function cluster(...groups: readonly GroupSpec[]): FakeCluster {
  const made = new FakeCluster(NODES);
  made.configure([volume('data', ['n1', 'n2'])], groups);
  for (const { name, nodes } of groups) made.untilOnline(name, nodes[0] ?? '');
  made.elect('n3');
  made.time.run(1000);
  return made;
}

const db = group('db', ['n1', 'n2'], 'data');
const web: GroupSpec = { ...group('web', NODES), rules: { ...NO_RULES, with: ['db'] } };

function ask(made: FakeCluster, request: SimulationRequest): FailureSimulation {
  const { service } = made.machine('n3');
  service.refresh();
  return simulate(service.view, request);
}

const shown = ({ moves }: FailureSimulation): readonly string[] =>
  moves.map(({ group: name, kind, from, to }) => `${name} ${kind} ${from} ${to}`);

test('what is rehearsed is what happens, in the same order and within the same time', () => {
  const made = cluster(db, web);
  const rehearsal = ask(made, { kind: 'fail', nodes: ['n1'] });
  assert.deepEqual(shown(rehearsal), ['db take-over n1 n2', 'web take-over n1 n2']);
  const eventId = made.state().eventId;
  made.powerOff('n1');
  const tookMs = made.untilOnline('db', 'n2');
  made.untilOnline('web', 'n2');
  const expectedMs = rehearsal.moves[0]?.expectedOutageMs ?? 0;
  assert(tookMs <= expectedMs + 100, `${tookMs} ms instead of ${expectedMs} ms`);
  const order = made
    .state()
    .events.filter(({ id, code }) => id > eventId && /^group\.(takeover|assigned)$/.test(code))
    .map((event) => event.group);
  assert.deepEqual(order, ['db', 'web']);
});

test('two nodes at once: the rest has no majority, and says that everything ends', () => {
  const made = cluster(db, web);
  const { quorate, moves, sentences } = ask(made, { kind: 'fail', nodes: ['n1', 'n2'] });
  assert.equal(quorate, false);
  assert(moves.every(({ to, reason }) => to === null && reason === 'the rest has no majority'));
  assert.equal(sentences[0], 'Without n1, n2 the rest has no majority: nothing would be started.');
});

test('a node that comes back: what starts at once, and what goes home later and when', () => {
  const home: GroupSpec = { ...db, failback: { enabled: true, window: '02:00-04:00' } };
  const made = cluster(home, group('alone', ['n1']));
  made.powerOff('n1');
  made.untilOnline('db', 'n2');
  made.time.until(() => made.group('alone').phase === 'blocked', 5000, 'nobody else may run it');
  const rehearsal = ask(made, { kind: 'return', nodes: ['n1'] });
  assert.deepEqual(shown(rehearsal), ['alone start null n1', 'db move n2 n1']);
  assert.match(rehearsal.moves[1]?.when ?? '', /in sync, between 02:00-04:00 \(UTC\)/);
  assert.deepEqual(made.group('db').spec.failback.window, '02:00-04:00', 'nothing was really changed');
});

test('a partition: the side with the majority takes over, the other one ends what it runs', () => {
  const made = cluster(db, web);
  const rehearsal = ask(made, { kind: 'partition', sides: [['n1']] });
  assert.deepEqual(rehearsal.sides, [
    { nodes: ['n1'], quorate: false },
    { nodes: ['n2', 'n3'], quorate: true },
  ]);
  assert.deepEqual(shown(rehearsal), ['db take-over n1 n2', 'web take-over n1 n2']);
  const torn = ask(made, { kind: 'partition', sides: [['n1'], ['n2']] });
  assert.equal(torn.quorate, false);
  assert(torn.moves.every(({ to }) => to === null));
});

test('a partition of a pair: the tie-breaker lets one side go on, and nobody says of both that they have a majority', () => {
  const made = new FakeCluster(['n1', 'n2']);
  made.configure([volume('data', ['n1', 'n2'])], [db]);
  made.untilOnline('db', 'n1');
  const { service } = made.machine('n1');
  const request: SimulationRequest = { kind: 'partition', sides: [['n1'], ['n2']] };
  const said = (kind: 'disk' | 'solo'): readonly string[] =>
    simulate({ ...service.view, tie: { kind, votes: true, trouble: undefined, held: undefined } }, request)
      .sentences;
  assert.deepEqual(said('disk').slice(0, 3), [
    'n1: goes on if the tie-breaker is given to it; one side gets it.',
    'n2: goes on if the tie-breaker is given to it; one side gets it.',
    'What follows is for the case that n1 goes on.',
  ]);
  assert.equal(said('solo')[1], 'n2: goes on alone, as this pair prefers availability.');
});

test('a group in maintenance is said to stay', () => {
  const made = cluster(db);
  made.submit({ kind: 'group-maintenance', group: 'db', on: true, atMs: 0 });
  const { sentences, moves } = ask(made, { kind: 'fail', nodes: ['n1'] });
  assert.equal(moves[0]?.kind, 'stay');
  assert(sentences.includes('Group db would stay with n1: the group is in maintenance.'));
});

test('questions that make no sense are refused', () => {
  const made = cluster(db);
  const refused = (request: SimulationRequest, code: string): void =>
    assert.throws(
      () => ask(made, request),
      (error) => error instanceof EterneError && error.code === code,
    );
  refused({ kind: 'fail', nodes: ['nope'] }, 'not-found');
  refused({ kind: 'partition', sides: [['n1'], ['n1']] }, 'usage');
  refused({ kind: 'partition', sides: [NODES] }, 'usage');
});
