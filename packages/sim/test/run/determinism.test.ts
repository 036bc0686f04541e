import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../src/run/options.ts';
import { loadRunner } from '../../src/run/seeds.ts';

for (const scenario of SCENARIOS)
  test(`${scenario}: the same seed twice is the same history, another seed another`, async () => {
    const run = await loadRunner(scenario);
    const [once, again, other] = [7, 7, 8].map((seed) => run(seed, { keepLines: true }));
    assert.deepEqual(once?.lines, again?.lines);
    assert.equal(once?.hash, again?.hash);
    assert.equal(once?.steps, again?.steps);
    assert.notEqual(once?.hash, other?.hash);
    const silent = run(7, { keepLines: false });
    assert.equal(silent.hash, once?.hash, 'looking changes nothing');
  });
