import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NIGHTLY, nightlyRanges } from '../../src/run/nightly.ts';
import { parseOptions, SCENARIOS } from '../../src/run/options.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const TODAY_MS = 20_000 * DAY_MS + 1;

test('a night has 2,000 seeds, some of every scenario', () => {
  const ranges = nightlyRanges(parseOptions(['--nightly'], TODAY_MS));
  assert.deepEqual(ranges.map(({ scenario }) => scenario).toSorted(), SCENARIOS.toSorted());
  const seeds = ranges.map(({ firstSeed, lastSeed }) => lastSeed - firstSeed + 1);
  assert.equal(
    seeds.reduce((sum, count) => sum + count, 0),
    2_000,
  );
  assert.ok(seeds.every((count) => count > 0));
});

test('every night has seeds of its own, the whole day the same ones', () => {
  const firstAt = (wallMs: number): number => parseOptions(['--nightly'], wallMs).firstSeed;
  assert.equal(firstAt(TODAY_MS), firstAt(TODAY_MS + DAY_MS - 2));
  assert.ok(firstAt(TODAY_MS + DAY_MS) - firstAt(TODAY_MS) >= Math.max(...Object.values(NIGHTLY)));
});

test('a night can begin elsewhere, to be run again', () => {
  const [first] = nightlyRanges(parseOptions(['--nightly', '--seed', '5001'], TODAY_MS));
  assert.deepEqual([first?.firstSeed, first?.lastSeed], [5_001, 5_000 + NIGHTLY.mirror]);
});
