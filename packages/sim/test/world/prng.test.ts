import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/world/prng.ts';

test('the same seed and name draw the same numbers, another name others', () => {
  const draw = (seed: number, name: string): number[] => {
    const prng = new Prng(seed, name);
    return Array.from({ length: 8 }, () => prng.next32());
  };
  assert.deepEqual(draw(7, 'a'), draw(7, 'a'));
  assert.notDeepEqual(draw(7, 'a'), draw(7, 'b'));
  assert.notDeepEqual(draw(7, 'a'), draw(8, 'a'));
});

test('draws are spread evenly', () => {
  const prng = new Prng(1, 'spread');
  const counts = Array.from({ length: 16 }, () => 0);
  for (let i = 0; i < 16_000; i += 1) {
    const drawn = prng.below(16);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(count > 850 && count < 1150, `a bucket of ${count}`);
});
