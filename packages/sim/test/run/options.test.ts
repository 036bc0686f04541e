import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseOptions, type RunOptions } from '../../src/run/options.ts';

const parse = (...args: string[]): RunOptions => parseOptions(args, 0);

const refuses = (args: readonly string[]): void =>
  assert.throws(
    () => parse(...args),
    (error) => error instanceof EterneError && error.code === 'usage',
  );

test('seeds are one or a range', () => {
  const rangeOf = ({ firstSeed, lastSeed }: RunOptions): number[] => [firstSeed, lastSeed];
  assert.deepEqual(rangeOf(parse('--seed', '17')), [17, 17]);
  assert.deepEqual(rangeOf(parse('--seeds', '3..9')), [3, 9]);
});

test('nonsense is refused', () => {
  refuses(['--seeds', '9..3']);
  refuses(['--seeds', 'many']);
  refuses(['--seed', '-1']);
  refuses(['--scenario', 'moon']);
  refuses(['--jobs', '0']);
  refuses(['--unknown']);
  refuses(['--nightly', '--seeds', '1..9']);
  refuses(['--nightly', '--scenario', 'pair']);
});
