import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../src/run/options.ts';
import { loadRunner } from '../../src/run/seeds.ts';

// A hash is of every line, whether it is kept or not, so it stands for the lines too.
for (const scenario of SCENARIOS)
  test(`${scenario}: the same seed twice is the same history, looked at or not, another seed another`, async () => {
    const run = await loadRunner(scenario);
    const looked = run(7, { keepLines: true });
    const silent = run(7, { keepLines: false });
    assert.ok(looked.lines.length > 0 && silent.lines.length === 0);
    assert.equal(silent.hash, looked.hash);
    assert.equal(silent.steps, looked.steps);
    assert.notEqual(run(8, { keepLines: false }).hash, looked.hash);
  });
