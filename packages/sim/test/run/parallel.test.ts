import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byLine } from '../../src/run/parallel.ts';

test('lines come whole, however they are cut', () => {
  const lines: string[] = [];
  const take = byLine((line) => lines.push(line));
  for (const piece of ['{"a":1}\n{"b"', ':2', '}\n\n', '{"c":3}']) take(piece);
  assert.deepEqual(lines, ['{"a":1}', '{"b":2}', '']);
  take('\n');
  assert.equal(lines.at(-1), '{"c":3}');
});

test('what never ends is passed over, and what follows is not', () => {
  const lines: string[] = [];
  const take = byLine((line) => lines.push(line));
  take('x'.repeat(1024 * 1024 + 1));
  take('y\nz\n');
  assert.deepEqual(lines, ['y', 'z']);
});
