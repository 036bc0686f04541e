import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MIB, TIB } from '@eterne/base';
import * as fc from 'fast-check';
import { BLOCK_BYTES } from '../../src/metadata/api.ts';
import { decodeBitmapPage, encodeBitmapPage } from '../../src/metadata/bitmap-page.ts';
import { Bitmap } from '../../src/metadata/bitmap.ts';
import { BLOCKS_PER_PAGE, PAGE_BYTES, SECTOR_BYTES, WORDS_PER_SECTOR } from '../../src/metadata/layout.ts';

/** Two pages and a bit; the last block is short. */
const BLOCK_COUNT = 2 * BLOCKS_PER_PAGE + 100;
const VOLUME_BYTES = BLOCK_COUNT * BLOCK_BYTES - 512;

/** Places where page, word and volume end are likely to be met. */
const block = fc.oneof(
  fc.nat(BLOCK_COUNT - 1),
  fc.constantFrom(0, 31, 32, BLOCKS_PER_PAGE - 1, BLOCKS_PER_PAGE, 2 * BLOCKS_PER_PAGE, BLOCK_COUNT - 1),
);
const run = fc.record({
  first: block,
  count: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constant(BLOCK_COUNT)),
  dirty: fc.boolean(),
});

/** Heap and buffers after a full garbage collection. */
function settledMemoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert(typeof collect === 'function');
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function apply(bitmap: Bitmap, first: number, end: number, dirty: boolean): number {
  const offset = first * BLOCK_BYTES;
  const lengthBytes = Math.min(end * BLOCK_BYTES, VOLUME_BYTES) - offset;
  return dirty ? bitmap.mark(offset, lengthBytes) : bitmap.clear(offset, lengthBytes);
}

describe('Bitmap', () => {
  it('agrees with an array of booleans', () => {
    fc.assert(
      fc.property(
        fc.array(run, { maxLength: 20 }),
        block,
        fc.integer({ min: 1, max: 50_000 }),
        (runs, from, max) => {
          const bitmap = new Bitmap(VOLUME_BYTES);
          const model = new Uint8Array(BLOCK_COUNT);
          for (const { first, count, dirty } of runs) {
            const end = Math.min(first + count, BLOCK_COUNT);
            const changed = model.subarray(first, end).filter((bit) => bit !== Number(dirty)).length;
            model.fill(Number(dirty), first, end);
            assert.equal(apply(bitmap, first, end, dirty), changed);
            assert.equal(bitmap.dirtyBlocks, model.filter((bit) => bit === 1).length);
          }
          const firstDirty = model.indexOf(1, from);
          const next = bitmap.nextDirty(from, max);
          assert.equal(next?.firstBlock ?? -1, firstDirty);
          if (next === undefined) return;
          const firstClean = model.indexOf(0, firstDirty);
          const stop = firstClean < 0 ? BLOCK_COUNT : firstClean;
          assert.equal(next.blockCount, Math.min(max, stop - firstDirty));
          assert.equal(bitmap.isDirty(next.firstBlock), true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('comes back from its pages, and lists only pages that changed', () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
        const bitmap = new Bitmap(VOLUME_BYTES);
        for (const { first, count, dirty } of runs)
          apply(bitmap, first, Math.min(first + count, BLOCK_COUNT), dirty);
        const copy = new Bitmap(VOLUME_BYTES);
        const bytes = Buffer.alloc(PAGE_BYTES);
        for (const page of bitmap.takeChanged()) {
          encodeBitmapPage(bitmap.encoded(page), page, bytes);
          const words = decodeBitmapPage(bytes, page);
          if (words !== undefined) copy.load(page, words);
        }
        assert.equal(bitmap.changedPages, 0);
        assert.equal(copy.dirtyBlocks, bitmap.dirtyBlocks);
        copy.union(bitmap);
        assert.equal(copy.dirtyBlocks, bitmap.dirtyBlocks);
      }),
      { numRuns: 100 },
    );
  });

  it('marks every block a range touches and clears only whole blocks', () => {
    const bitmap = new Bitmap(VOLUME_BYTES);
    assert.equal(bitmap.mark(BLOCK_BYTES - 1, 2), 2);
    assert.throws(() => bitmap.clear(512, BLOCK_BYTES), /block/);
    assert.throws(() => bitmap.mark(VOLUME_BYTES - 1, 2), /inside/);
    assert.equal(bitmap.mark(VOLUME_BYTES - 1, 1), 1);
    assert.equal(bitmap.clear(BLOCK_BYTES * (BLOCK_COUNT - 1), BLOCK_BYTES - 512), 1);
  });

  it('costs a few MiB for a clean or a wholly dirty 16 TiB volume', () => {
    const before = settledMemoryBytes();
    const clean = new Bitmap(16 * TIB);
    const cleanBytes = settledMemoryBytes() - before;
    clean.markAll();
    const dirtyBytes = settledMemoryBytes() - before;
    assert.equal(clean.dirtyBlocks, (16 * TIB) / BLOCK_BYTES);
    assert.ok(cleanBytes < 3 * MIB, `clean: ${cleanBytes} bytes`);
    assert.ok(dirtyBytes < 6 * MIB, `dirty: ${dirtyBytes} bytes`);
  });
});

describe('a bitmap page', () => {
  const words = new Uint32Array(8 * WORDS_PER_SECTOR);
  words[3] = 5;
  words[WORDS_PER_SECTOR] = 1;

  it('reads a damaged sector as all dirty and leaves the others alone', () => {
    const page = Buffer.alloc(PAGE_BYTES);
    encodeBitmapPage(words, 9, page);
    page[7] = 0xff;
    const decoded = decodeBitmapPage(page, 9);
    assert.ok(decoded?.subarray(0, WORDS_PER_SECTOR).every((word) => word === 0xffff_ffff));
    assert.equal(decoded?.[WORDS_PER_SECTOR], 1);
    assert.equal(decoded?.[WORDS_PER_SECTOR + 1], 0);
  });

  it('does not believe a page that belongs elsewhere', () => {
    const page = Buffer.alloc(PAGE_BYTES);
    encodeBitmapPage(words, 9, page);
    assert.equal(decodeBitmapPage(page, 1009)?.[0], 0xffff_ffff);
  });

  it('is a hole when clean, sector by sector', () => {
    const page = Buffer.alloc(PAGE_BYTES, 1);
    encodeBitmapPage(words, 9, page);
    assert.ok(page.subarray(2 * SECTOR_BYTES).every((byte) => byte === 0));
    encodeBitmapPage(new Uint32Array(words.length), 9, page);
    assert.equal(decodeBitmapPage(page, 9), undefined);
  });
});
