import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { FenceOutcome } from '../../src/fencing/agent.ts';
import type { FenceAbilities } from '../../src/fencing/metadata.ts';
import { FenceRun } from '../../src/fencing/run.ts';
import { device } from './device.ts';

const POWER: FenceAbilities = { actions: new Set(['off', 'on', 'reboot', 'status']), isFabric: false };
const DONE: FenceOutcome = { result: 'done', reason: '' };
const OFF: FenceOutcome = { result: 'off', reason: '' };
const failed = (reason: string): FenceOutcome => ({ result: 'failed', reason });

function run(
  devices: readonly ReturnType<typeof device>[],
  abilities: Readonly<Record<string, FenceAbilities | EterneError>> = {},
): FenceRun {
  const all = devices.map(({ agent }) => [agent, abilities[agent] ?? POWER] as const);
  return new FenceRun('n1', devices, new Map(all));
}

/** Plays the outcomes and returns what was done, as `agent verb`. */
function play(subject: FenceRun, outcomes: readonly FenceOutcome[]): readonly string[] {
  const done: string[] = [];
  for (const outcome of outcomes) {
    assert(subject.action, `something to do after ${done.join(', ')}`);
    done.push(`${subject.action.device.agent} ${subject.action.verb}`);
    subject.took(outcome);
  }
  return done;
}

test('off, seen to be off, on again', () => {
  const subject = run([device()]);
  assert.deepEqual(play(subject, [DONE, OFF, DONE]), ['fence_a off', 'fence_a status', 'fence_a on']);
  assert.deepEqual(subject.result, { confirmed: true, reason: 'n1 was switched off by fence_a' });
});

test('stays off when it is to stay off', () => {
  const subject = run([device({ action: 'off' })]);
  play(subject, [DONE, OFF]);
  assert.equal(subject.result?.confirmed, true);
});

test('what claims to be off and is on is tried again, then it has failed', () => {
  const subject = run([device({ retries: 1 })]);
  const done = play(subject, [DONE, DONE, failed('no answer')]);
  assert.deepEqual(done, ['fence_a off', 'fence_a status', 'fence_a off']);
  assert.deepEqual(subject.result, { confirmed: false, reason: 'fence_a (level 1): no answer' });
  const lying = run([device({ retries: 0 })]);
  play(lying, [DONE, DONE]);
  assert.match(lying.result?.reason ?? '', /its power is still on/);
});

test('two power supplies are both off before one is on again', () => {
  const subject = run([device(), device({ agent: 'fence_b' })]);
  assert.deepEqual(play(subject, [DONE, OFF, DONE, OFF, DONE, DONE]), [
    'fence_a off',
    'fence_a status',
    'fence_b off',
    'fence_b status',
    'fence_a on',
    'fence_b on',
  ]);
  assert.equal(subject.result?.confirmed, true);
});

test('one power supply that cannot be switched off fails its level; the next level is tried', () => {
  const devices = [
    device({ agent: 'fence_c', level: 2 }),
    device({ retries: 0 }),
    device({ agent: 'fence_b', retries: 0 }),
  ];
  const subject = run(devices);
  const done = play(subject, [DONE, OFF, failed('burnt'), DONE, OFF, DONE]);
  assert.deepEqual(done.slice(2), ['fence_b off', 'fence_c off', 'fence_c status', 'fence_c on']);
  assert.match(subject.result?.reason ?? '', /switched off by fence_c \(fence_b \(level 1\): burnt\)/);
});

test('that it does not come on again changes nothing', () => {
  const subject = run([device()]);
  play(subject, [DONE, OFF, failed('stuck')]);
  assert.equal(subject.result?.confirmed, true);
  assert.match(subject.result?.reason ?? '', /not switched on again: stuck/);
});

test('an agent without status is taken at its word, one without off is asked to reboot', () => {
  const kdump = run([device({ agent: 'fence_kdump' })], {
    fence_kdump: { actions: new Set(['off', 'monitor']), isFabric: false },
  });
  assert.deepEqual(play(kdump, [DONE]), ['fence_kdump off']);
  assert.equal(kdump.result?.confirmed, true);
  const reset = run([device()], { fence_a: { actions: new Set(['reboot']), isFabric: false } });
  assert.deepEqual(play(reset, [DONE]), ['fence_a reboot']);
  assert.equal(reset.result?.confirmed, true);
});

test('what only cuts off, a heuristic alone and an absent agent confirm nothing', () => {
  const reasons = [
    run([device()], { fence_a: { ...POWER, isFabric: true } }),
    run([device({ agent: 'fence_heuristics_ping' })]),
    run([device()], { fence_a: new EterneError('not-found', 'fence_a cannot be run') }),
    run([]),
  ].map(({ result }) => {
    assert.equal(result?.confirmed, false);
    return result?.reason;
  });
  assert.deepEqual(reasons, [
    'fence_a only cuts a node off; its services would run on',
    'fence_heuristics_ping alone stops nobody',
    'fence_a cannot be run',
    'it has no fence device',
  ]);
});

test('a heuristic in front of a device decides whether it is used', () => {
  const devices = [device({ agent: 'fence_heuristics_ping', retries: 0 }), device()];
  const abilities = { fence_heuristics_ping: { actions: new Set(['off', 'on', 'reboot']), isFabric: false } };
  const isolated = run(devices, abilities);
  assert.deepEqual(play(isolated, [failed('nobody answers')]), ['fence_heuristics_ping off']);
  assert.equal(isolated.result?.confirmed, false);
  const well = run(devices, abilities);
  assert.deepEqual(play(well, [DONE, DONE, OFF, DONE]), [
    'fence_heuristics_ping off',
    'fence_a off',
    'fence_a status',
    'fence_a on',
  ]);
  assert.equal(well.result?.confirmed, true);
});
