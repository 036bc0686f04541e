import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseOptions } from '../../src/run/options.ts';

const refuses = (args: readonly string[]): void =>
  assert.throws(
    () => parseOptions(args),
    (error) => error instanceof EterneError && error.code === 'usage',
  );

test('seeds are one or a range', () => {
  assert.deepEqual(
    [parseOptions(['--seed', '17'])].map(({ firstSeed, lastSeed }) => [firstSeed, lastSeed])[0],
    [17, 17],
  );
  const { firstSeed, lastSeed } = parseOptions(['--seeds', '3..9']);
  assert.deepEqual([firstSeed, lastSeed], [3, 9]);
});

test('nonsense is refused', () => {
  refuses(['--seeds', '9..3']);
  refuses(['--seeds', 'many']);
  refuses(['--seed', '-1']);
  refuses(['--scenario', 'moon']);
  refuses(['--jobs', '0']);
  refuses(['--unknown']);
});
