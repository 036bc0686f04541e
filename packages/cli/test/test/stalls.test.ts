import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STALL_MS, unlessStalled } from '../../src/test/stalls.ts';

/** Holds up this whole process. */
function standStill(durationMs: number): void {
  for (const startedMs = performance.now(); performance.now() - startedMs < durationMs;);
}

async function attempts(failed: readonly number[], stallsMs: readonly number[]): Promise<readonly number[]> {
  let count = 0;
  const told: number[] = [];
  const tally = await unlessStalled(
    async () => {
      standStill(stallsMs[count] ?? 0);
      count += 1;
      return { passed: count, failed: failed[count - 1] ?? 0, skipped: 0, failures: [] };
    },
    (stalledMs) => told.push(stalledMs),
  );
  assert.equal(tally.passed, count, 'the last attempt counts');
  assert.equal(told.length, count - 1);
  assert.ok(told.every((ms) => ms >= STALL_MS));
  return [count, tally.failed];
}

test('what failed while the machine stood still runs again, and counts as it ends then', async () => {
  assert.deepEqual(await attempts([2, 0], [STALL_MS + 100]), [2, 0]);
});

test('what is broken fails, however often the machine stands still', async () => {
  const stalls = Array.from({ length: 9 }, () => STALL_MS + 100);
  assert.deepEqual(
    await attempts(
      Array.from({ length: 9 }, () => 1),
      stalls,
    ),
    [3, 1],
  );
});

test('what fails on a machine that does not stand still, or passes, does not run again', async () => {
  assert.deepEqual(await attempts([1], [0]), [1, 1]);
  assert.deepEqual(await attempts([0], [STALL_MS + 100]), [1, 0]);
});
