import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { MOVE_GRACE_MS, timingOf } from '../../src/service/timing.ts';
import { after, runningState } from './founded.ts';
import { PROFILES } from '../../src/profiles.ts';

const ETCD = { engine: 'etcd', endpoints: ['10.0.0.1:2379'], ca: null, cert: null, key: null } as const;
const term2 = 2 ** 32 + 1;

function configured(): ClusterState {
  const state = runningState();
  const config = { ...state.config, consensus: ETCD };
  return after(state, {
    kind: 'configure',
    revision: state.revision,
    changes: [{ kind: 'cluster', config }],
    atMs: 0,
  });
}

const move: Command = { kind: 'log-move', to: 'etcd', atMs: 0 };
const seal: Command = { kind: 'log-seal', epoch: 0, leaderTerm: 1, atMs: 0 };
const begin: Command = { kind: 'log-begin', epoch: 1, atMs: 0 };
const lead: Command = { kind: 'lead', node: 'n1', leaderTerm: term2, atMs: 0 };
const follow = (node: string): Command => ({ kind: 'log-follow', node, epoch: 1, atMs: 0 });
const settle: Command = { kind: 'log-settled', epoch: 1, leaderTerm: term2, atMs: 0 };

test('a move needs a configured etcd, and is not begun twice', () => {
  assert.equal(apply(runningState(), move).refused?.code, 'config');
  const moving = after(configured(), move);
  assert.equal(moving.log.phase, 'moving');
  assert.deepEqual(moving.log.to, ETCD);
  assert.equal(apply(moving, move).refused?.code, 'busy');
  assert.equal(apply(configured(), { ...move, to: 'embedded' }).refused?.code, 'refused');
});

test('only the leader seals, and nothing but the begin of the next epoch counts behind a seal', () => {
  const moving = after(configured(), move);
  assert.equal(apply(moving, { ...seal, leaderTerm: 2 }).refused?.code, 'conflict');
  const sealed = after(moving, seal);
  assert.equal(sealed.log.phase, 'sealed');
  for (const command of [lead, move, seal, follow('n1'), { ...begin, epoch: 2 }] as const) {
    const { state, refused } = apply(sealed, command);
    assert.ok(refused, command.kind);
    assert.equal(state, sealed);
  }
  const begun = after(sealed, begin, lead);
  assert.deepEqual(begun.log.consensus, ETCD);
  assert.equal(begun.leaderTerm, term2);
  assert.equal(apply(begun, begin).refused?.code, 'conflict');
});

test('the next move waits for everybody to follow, and for long graces to end', () => {
  const begun = after(configured(), move, seal, begin, lead, follow('n1'), follow('n2'));
  const back: Command = { kind: 'log-move', to: 'embedded', atMs: 0 };
  assert.equal(apply(begun, back).refused?.code, 'busy');
  const settled = after(begun, settle);
  assert.match(apply(settled, back).refused?.message ?? '', /^w1 has not followed/);
  assert.equal(after(settled, follow('w1'), back).log.phase, 'moving');
});

test('a node that cannot follow keeps the log where it is', () => {
  const ready: Command = { kind: 'log-ready', node: 'n1', epoch: 0, atMs: 0 };
  const stay: Command = {
    kind: 'log-stay',
    epoch: 0,
    leaderTerm: 1,
    reason: 'n2 does not reach it',
    atMs: 0,
  };
  const moving = after(configured(), move, ready);
  assert.deepEqual(moving.log.ready, ['n1']);
  const stayed = after(moving, stay);
  assert.deepEqual([stayed.log.phase, stayed.log.epoch, stayed.log.to], ['settling', 0, null]);
  assert.equal(stayed.events.at(-1)?.level, 'warning');
  assert.equal(apply(stayed, seal).refused?.code, 'conflict');
});

test('while it is kept in etcd another etcd would be another log', () => {
  const begun = after(configured(), move, seal, begin, lead);
  const config = { ...begun.config, consensus: { ...ETCD, endpoints: ['10.0.0.9:2379'] } };
  const change: Command = {
    kind: 'configure',
    revision: begun.revision,
    changes: [{ kind: 'cluster', config }],
    atMs: 0,
  };
  assert.equal(apply(begun, change).refused?.code, 'refused');
});

test('leases get a long grace before the seal, and take-overs wait for it until it is over', () => {
  const { graceMs, leaseMs } = PROFILES.lan.service;
  const states = [configured(), after(configured(), move), after(configured(), move, seal)];
  const graces = states.map((state) => [timingOf(state).graceMs, timingOf(state).goneGraceMs]);
  assert.deepEqual(graces, [
    [graceMs, graceMs],
    [MOVE_GRACE_MS, MOVE_GRACE_MS],
    [MOVE_GRACE_MS, MOVE_GRACE_MS],
  ]);
  const settling = timingOf(after(configured(), move, seal, begin, lead));
  assert.deepEqual([settling.graceMs, settling.goneGraceMs], [graceMs, MOVE_GRACE_MS]);
  assert.ok(settling.leaseMs > leaseMs);
});

test('a snapshot of before logs could move has the first one', () => {
  const state = runningState();
  const { log, ...older } = JSON.parse(JSON.stringify(state)) as ClusterState;
  const { consensus: _, ...config } = older.config;
  const bytes = Buffer.from(JSON.stringify({ v: 1, state: { ...older, config } }));
  assert.deepEqual(decodeState(bytes).log, log);
  assert.deepEqual(decodeState(encodeState(state)), state);
});
