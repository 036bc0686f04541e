/** The simulator as CI runs it: 200 fresh seeds, and planted mutants, each of which it must see. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';

const MAIN = fileURLToPath(new URL('../../packages/sim/src/main.ts', import.meta.url));
/** `./eterne test` gives it what processors others leave. A suite's own limit would not hold for its tests, but that of the run (15 minutes). */
const PATIENT = { timeout: 2 * 60 * 60_000 };

function sim(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...args] as const;
  return new Promise((resolve) => {
    nodeProcesses.spawn({ command: [...command], timeoutMs: PATIENT.timeout }, ({ code, stdout, stderr }) =>
      resolve({ code, output: stdout + stderr }),
    );
  });
}

/** As many at once as CI has processors, each in one process: none waits for the end of another's last seed, and code is compiled once for a range. */
const AT_ONCE = 2;

void describe('the simulator', { concurrency: AT_ONCE }, () => {
  for (const [scenario, seeds, ...more] of [
    ['mirror', '1001..1200', '--all-met'],
    ['equipped', '1001..1030', '--all-met'],
    ['standalone', '4001..4040'],
    ['cluster', '1001..1050'],
    ['pair', '1001..1020'],
    ['fencing', '1001..1008'],
    ['upgrade', '1001..1008'],
    ['halves', '1001..1004'],
    ['orders', '1001..1008'],
    ['members', '1001..1004'],
  ] as const)
    test(
      `${scenario}: no invariant is violated in seeds ${seeds}${more.length > 0 ? ', and everything that is to be met is' : ''}`,
      PATIENT,
      async () => {
        const { code, output } = await sim('--scenario', scenario, '--seeds', seeds, '--jobs', '1', ...more);
        assert.equal(code, 0, output);
      },
    );

  test('one seed twice is one history', PATIENT, async () => {
    const [once, again] = [await sim('--seed', '1001', '--log'), await sim('--seed', '1001', '--log')];
    assert.match(once.output, /seed 1001 hash [0-9a-f]{16}/);
    assert.equal(once.output, again.output);
  });

  for (const scenario of [
    'mirror',
    'equipped',
    'standalone',
    'cluster',
    'pair',
    'fencing',
    'upgrade',
    'halves',
    'members',
    // The short ones last: no processor waits long for the end of the other one's.
    'profile',
    'large',
    'orders',
  ] as const)
    test(`${scenario}: every planted mutant is caught`, PATIENT, async () => {
      const { code, output } = await sim('--scenario', scenario, '--mutants', '--jobs', '1');
      assert.equal(code, 0, output);
    });
});
