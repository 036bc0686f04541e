import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BlockSet } from '../../src/engine/block-set.ts';

const BLOCK = 4096;

test('BlockSet against a plain set', () => {
  const range = fc.record({
    add: fc.boolean(),
    // Around a page's end, too.
    first: fc.oneof(fc.nat(100), fc.integer({ min: 32_700, max: 32_800 })),
    count: fc.integer({ min: 1, max: 80 }),
  });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 40 }), (ranges) => {
      const set = new BlockSet();
      const model = new Set<number>();
      for (const { add, first, count } of ranges) {
        if (add) set.add(first * BLOCK, count * BLOCK);
        else set.remove(first * BLOCK, count * BLOCK);
        for (let block = first; block < first + count; block += 1)
          if (add) model.add(block);
          else model.delete(block);
        const blocks = Array.from({ length: count }, (_, index) => first + index);
        assert.equal(
          set.covers(first * BLOCK, count * BLOCK),
          blocks.every((block) => model.has(block)),
        );
        assert.equal(
          set.touches(first * BLOCK, count * BLOCK),
          blocks.some((block) => model.has(block)),
        );
      }
      const found: number[] = [];
      set.forEachRun((offset, lengthBytes) => {
        for (let at = offset; at < offset + lengthBytes; at += BLOCK) found.push(at / BLOCK);
      });
      assert.deepEqual(new Set(found), model);
      assert.equal(found.length, model.size);
    }),
  );
});

test('a partial block counts whole', () => {
  const set = new BlockSet();
  set.add(4096 + 512, 512);
  assert.equal(set.covers(4096, 4096), true);
  assert.equal(set.touches(0, 4096), false);
});
