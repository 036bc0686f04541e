/** What an addition costs programs that do not know it: nothing, until every member does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { apply } from '../../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeCommand, encodeState } from '../../../src/state/codec.ts';
import type { Command } from '../../../src/state/commands.ts';
import { holdersOf, withHolders } from '../../../src/state/level-paths.ts';
import { FIRST_LEVEL, LEVELS } from '../../../src/state/levels.ts';
import type { ClusterState, GroupSpec } from '../../../src/state/model.ts';
import { group, member } from '../../service/fake-cluster.ts';
import { after, runningState } from '../founded.ts';
import { ADDITION, checkEntry, NEXT } from './ages.ts';
import { presentShape, shapeBefore, unreadable } from './shape.ts';

const stamp = { atMs: 0 };
const [OLD, NEW] = [LEVELS.program, NEXT.program];
/** What the program before `NEXT` reads. */
const OLD_SHAPE = shapeBefore(presentShape(), [ADDITION]);

function put(spec: GroupSpec): Command {
  return { kind: 'configure', changes: [{ kind: 'group-put', spec }], revision: 0, ...stamp };
}

function report(name: string, level: number, startId = `${name}-2`): Command {
  const pids = { service: 1, monitor: 2, heart: 3, disk: 4 };
  return { kind: 'node-report', name, startId, pids, level, ...stamp };
}

const raise = (level: number, leaderTerm = 1): Command => ({
  kind: 'level-raise',
  level,
  leaderTerm,
  ...stamp,
});
const codeOf = (state: ClusterState, command: Command): string | undefined =>
  apply(state, command).refused?.code;
const upgraded = (...names: readonly string[]): ClusterState =>
  after(runningState(), ...names.map((name) => report(name, NEW)));

test('an entry needs the level of what it uses: its kind, a field, or a value', () => {
  const plain = group('web', ['n1', 'n2']);
  assert.equal(NEXT.levelOf(put(plain)), FIRST_LEVEL);
  assert.equal(NEXT.levelOf({ kind: 'cluster-maintenance', on: false, ...stamp }), NEW);
  assert.equal(NEXT.levelOf(put({ ...plain, watch: { memory: 'move' } })), NEW);
  assert.equal(NEXT.levelOf(put({ ...plain, onStopFailure: 'kill' })), NEW);
  assert.equal(LEVELS.levelOf({ kind: 'cluster-maintenance', on: false, ...stamp }), FIRST_LEVEL);
});

test('below its level it is refused with a stable code, the feature, and whose program is older', () => {
  const command = { kind: 'cluster-maintenance', on: true, ...stamp } as const;
  const error = NEXT.refusal(upgraded('n1'), command);
  assert.equal(error?.code, 'needs-upgrade');
  assert.equal(
    error.message,
    `Maintenance of the whole cluster: available once every node runs a program of feature level ${NEW}; n2, w1 run an older one`,
  );
  assert.equal(error.hint, 'upgrade n2, w1');
  const all = upgraded('n1', 'n2', 'w1');
  assert.equal(NEXT.refusal(all, command)?.hint, 'try again in a moment');
  assert.equal(NEXT.refusal(after(all, raise(NEW)), command), undefined);
  assert.equal(NEXT.refusal(upgraded('n1'), put(group('web', ['n1']))), undefined);
});

test('what uses nothing new is written as before, and read with the usual values', () => {
  const command = put(group('web', ['n1', 'n2']));
  const bytes = encodeCommand(command, OLD, NEXT);
  assert.doesNotMatch(bytes.toString(), /watch|level/);
  checkEntry(bytes, LEVELS, NEXT);
  assert.deepEqual(decodeCommand(bytes, OLD, NEXT), command);
  assert.deepEqual(decodeCommand(bytes, NEW, NEXT), command);
});

test('at its level it is written whole, and says which level it needs', () => {
  const command = put({ ...group('web', ['n1', 'n2']), watch: { memory: 'move' } });
  const bytes = encodeCommand(command, NEW, NEXT);
  assert.match(bytes.toString(), new RegExp(`^\\{"v":1,"level":${NEW},`));
  assert.deepEqual(decodeCommand(bytes, NEW, NEXT), command);
  assert.throws(() => encodeCommand(command, OLD, NEXT), /below its feature level/);
});

test('an entry above the level of the cluster is refused by everybody alike, also by who cannot read it', () => {
  const unheard = Buffer.from(`{"v":1,"level":${NEW},"command":{"kind":"sing","atMs":1}}`);
  for (const levels of [LEVELS, NEXT]) {
    const command = decodeCommand(unheard, OLD, levels);
    const outcome = apply(runningState(), command);
    assert.equal(outcome.refused?.code, 'needs-upgrade');
    assert.deepEqual(outcome.state, runningState());
  }
});

test('a snapshot at an older level is what programs of that level read, and gives the same state', () => {
  const state = { ...runningState(), level: OLD };
  const bytes = encodeState(state, NEXT);
  const { state: written } = JSON.parse(bytes.toString()) as { state: unknown };
  assert.deepEqual(unreadable(OLD_SHAPE, written), []);
  assert.deepEqual(unreadable(OLD_SHAPE, state), [
    'state.maintenance is unknown',
    'state.groups.*.spec.watch is unknown',
  ]);
  assert.deepEqual(decodeState(bytes, NEXT), state);
  assert.deepEqual(NEXT.stateAsOf(decodeState(bytes, NEXT), OLD), written);
});

test('a snapshot of a newer level is whole, and refused by an older program with a hint', () => {
  const state = { ...runningState(), level: NEW, maintenance: true };
  const bytes = encodeState(state, NEXT);
  assert.deepEqual(decodeState(bytes, NEXT), state);
  assert.throws(
    () => decodeState(bytes),
    (error) =>
      error instanceof EterneError && error.code === 'needs-upgrade' && /upgrade it/.test(error.hint ?? ''),
  );
});

test('what is in use is never left out', () => {
  const state = { ...runningState(), level: OLD, maintenance: true };
  assert.throws(() => encodeState(state, NEXT), /maintenance is not used below its feature level/);
});

test('the level is raised once every member told a higher one: nodes, witnesses, and who is lost', () => {
  const some = upgraded('n1', 'n2');
  assert.equal(codeOf(some, raise(NEW)), 'needs-upgrade');
  const lost = after(some, { kind: 'node-presence', name: 'w1', presence: 'lost', leaderTerm: 1, ...stamp });
  assert.equal(codeOf(lost, raise(NEW)), 'needs-upgrade');
  const all = after(some, report('w1', NEW));
  assert.equal(codeOf(all, raise(NEW, 7)), 'conflict');
  assert.equal(codeOf(all, raise(NEW + 1)), 'needs-upgrade');
  const raised = after(all, raise(NEW));
  assert.equal(raised.level, NEW);
  assert.equal(raised.events.at(-1)?.code, 'cluster.level');
  const gone = after(some, { kind: 'member-remove', name: 'w1', ...stamp });
  assert.equal(after(gone, raise(NEW)).level, NEW);
});

test('it never falls: who is older is not admitted, does not start, and nobody lowers it', () => {
  const raised = after(upgraded('n1', 'n2', 'w1'), raise(NEW));
  assert.equal(codeOf(raised, raise(OLD)), 'conflict');
  assert.equal(codeOf(raised, raise(NEW)), 'conflict');
  assert.equal(codeOf(raised, report('n2', OLD, 'n2-3')), 'needs-upgrade');
  const older = { ...member('n3'), addresses: ['n3:1'], level: OLD };
  assert.equal(codeOf(raised, { kind: 'member-add', member: older, ...stamp }), 'needs-upgrade');
  assert.equal(codeOf(raised, { kind: 'member-add', member: { ...older, level: NEW }, ...stamp }), undefined);
});

test('until it is raised a program may be exchanged for the older one again', () => {
  const back = after(upgraded('n1', 'n2', 'w1'), report('n2', OLD, 'n2-3'));
  assert.equal(back.members['n2']?.level, OLD);
  assert.equal(codeOf(back, raise(NEW)), 'needs-upgrade');
});

test('a cluster begins with the level of its founder', () => {
  const founder = { ...member('n1'), level: NEW };
  const { state } = apply(
    { ...runningState(), cluster: '' },
    {
      kind: 'bootstrap',
      cluster: 'c',
      clusterId: 'id',
      member: founder,
      ...stamp,
    },
  );
  assert.equal(state.level, NEW);
});

test('paths lead into lists, records and items of a kind, and nowhere without harm', () => {
  const value = { a: [{ kind: 'x', b: 1 }, { kind: 'y', b: 2 }, 3], r: { p: { b: 4 }, q: null } };
  const b = (path: string): unknown[] => holdersOf(value, path.split('.')).map((holder) => holder['b']);
  assert.deepEqual(b('a.*.b'), [1, 2]);
  assert.deepEqual(b('a.*=y.b'), [2]);
  assert.deepEqual(b('r.*.b'), [4]);
  assert.deepEqual(b('nothing.here.b'), []);
  assert.deepEqual(
    withHolders(value, ['a', '*=x', 'b'], () => ({})),
    { ...value, a: [{}, value.a[1], 3] },
  );
  assert.deepEqual(
    withHolders(value, ['no', 'b'], () => ({})),
    value,
  );
});
