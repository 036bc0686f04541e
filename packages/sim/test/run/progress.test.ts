import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress, progressText } from '../../src/run/progress.ts';
import type { SeedResult } from '../../src/run/result.ts';

const GOOD: SeedResult = {
  seed: 1,
  hash: '',
  violation: undefined,
  simulatedMs: 60_000,
  steps: 1,
  operations: 900,
  changes: 600,
  terms: 1,
  faults: { crash: 5 },
  tally: {},
  lines: [],
};

test('the line tells how far it is, how fast, and how long it takes', () => {
  assert.equal(
    progressText({ done: 1_200, planned: 2_000, bad: 0, elapsedMs: 300_000 }),
    '1200 of 2000 seeds, 4.0 seeds/s, 0 violated or too easy, 200 s left',
  );
  assert.equal(
    progressText({ done: 0, planned: 2_000, bad: 0, elapsedMs: 10_000 }),
    '0 of 2000 seeds, 0.0 seeds/s, 0 violated or too easy, nobody knows how long',
  );
});

test('every 10 s until the end; seeds that violate something or are too easy are counted', () => {
  let nowMs = 0;
  let tick: (() => void) | undefined;
  const timers = {
    every: (intervalMs: number, fire: () => void) => {
      assert.equal(intervalMs, 10_000);
      tick = fire;
      return { cancel: () => (tick = undefined) };
    },
  };
  const lines: string[] = [];
  const progress = new Progress({ bootMs: () => nowMs }, timers, (line) => lines.push(line));
  progress.plan(4);
  for (const result of [GOOD, { ...GOOD, changes: 1 }]) progress.saw(result);
  nowMs = 10_000;
  tick?.();
  assert.deepEqual(lines, ['2 of 4 seeds, 0.2 seeds/s, 1 violated or too easy, 10 s left']);
  progress.end();
  assert.equal(tick, undefined);
});
