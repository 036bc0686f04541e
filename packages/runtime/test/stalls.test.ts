import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptWithin, unlessStalled } from './support/stalls.ts';

test('a promise about time is kept in one of so many tries, or broken', async () => {
  const figures = [30, 20, 9, 1];
  assert.equal(await keptWithin(10, async () => figures.shift() ?? 0), 9);
  assert.deepEqual(figures, [1]);
  let tries = 0;
  const late = keptWithin(10, async () => 10 + (tries += 1), 3);
  await assert.rejects(late, /within 10 ms, and took 11, 12, 13 ms/);
});

test('what fails is tried again only where this process stood still meanwhile, and not for ever', async () => {
  let tries = 0;
  /** Holds up everything here. */
  const fails = async (heldUpMs: number): Promise<never> => {
    tries += 1;
    for (const startedMs = performance.now(); performance.now() - startedMs < heldUpMs;);
    throw new Error(`try ${tries}`);
  };
  await assert.rejects(
    unlessStalled(() => fails(0)),
    /try 1/,
  );
  await assert.rejects(
    unlessStalled(() => fails(300), 2),
    /try 3/,
  );
});
