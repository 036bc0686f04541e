import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES } from '../../seeds/cases.ts';
import { describeSeed } from '../../src/run/result.ts';
import { loadRunner } from '../../src/run/seeds.ts';

for (const { scenario, seed, found } of CASES)
  test(`${scenario} seed ${seed}: ${found}`, async () => {
    const run = await loadRunner(scenario);
    const result = run(seed, { keepLines: false });
    assert.equal(result.violation, undefined, describeSeed(result));
  });
