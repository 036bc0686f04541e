import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { GIB, MIB } from '@eterne/base';
import { BLOCK_BYTES } from '../../src/metadata/api.ts';
import { Bitmap } from '../../src/metadata/bitmap.ts';
import { BLOCKS_PER_PAGE, metadataBytes } from '../../src/metadata/layout.ts';
import { CrashStore } from './crash-store.ts';
import {
  blankStore,
  opened,
  optionsFor,
  refused,
  seededRandom,
  succeeds,
  tryOpen,
  VOLUME_BYTES,
} from './fixture.ts';

/** Three groups where there was one, and a last page that is not full. */
const LARGER_BYTES = 1.2 * GIB - ((1.2 * GIB) % BLOCK_BYTES);

/** A store of a replica with dirty blocks at its end, closed; `tail` lies behind its metadata, as on a device that is longer. */
function contentWithTail(tail: number): Buffer {
  const store = blankStore();
  const metadata = opened(optionsFor(store));
  metadata.bitmap('b').markDirty(VOLUME_BYTES - MIB, MIB);
  succeeds((done) => metadata.close(done));
  const added = metadataBytes(LARGER_BYTES) - store.sizeBytes;
  return Buffer.concat([store.stable, Buffer.alloc(added, tail)]);
}

describe('metadata that grows', () => {
  const content = contentWithTail(0x77);

  it('keeps its bits where they were, and takes new ones behind them', () => {
    const store = new CrashStore(content);
    const metadata = opened(optionsFor(store));
    succeeds((done) => metadata.prepareGrowth(LARGER_BYTES, done));
    assert.equal(metadata.sizeBytes, VOLUME_BYTES);
    succeeds((done) => metadata.grow(LARGER_BYTES, true, done));
    assert.equal(metadata.sizeBytes, LARGER_BYTES);
    metadata.bitmap('b').markDirty(LARGER_BYTES - MIB, MIB);
    let isHot = false;
    metadata.activityLog.touch(LARGER_BYTES - 4096, 4096, () => (isHot = true));
    assert.ok(isHot);
    metadata.activityLog.release(LARGER_BYTES - 4096, 4096, 1);
    metadata.activityLog.flushedUpTo(1);
    succeeds((done) => metadata.close(done));

    const again = opened(optionsFor(new CrashStore(store.stable)));
    assert.equal(again.sizeBytes, LARGER_BYTES);
    assert.equal(again.bitmap('b').dirtyBytes, 2 * MIB);
    assert.ok(again.bitmap('b').anyDirty(VOLUME_BYTES - MIB, 4096));
    assert.ok(again.bitmap('b').anyDirty(LARGER_BYTES - 4096, 4096));
    assert.equal(again.undefinedBlocks.dirtyBlocks, 0);
  });

  it('is found by any size that it had since it was made', () => {
    const store = new CrashStore(content);
    const metadata = opened(optionsFor(store));
    succeeds((done) => metadata.prepareGrowth(LARGER_BYTES, done));
    succeeds((done) => metadata.grow(LARGER_BYTES, true, done));
    for (const sizeBytes of [VOLUME_BYTES, VOLUME_BYTES + MIB, LARGER_BYTES])
      assert.equal(opened(optionsFor(new CrashStore(store.stable), { sizeBytes })).sizeBytes, LARGER_BYTES);
    for (const sizeBytes of [VOLUME_BYTES - MIB, LARGER_BYTES + MIB])
      assert.equal(refused(optionsFor(new CrashStore(store.stable), { sizeBytes })).code, 'conflict');
  });

  it('says no more than there is room for', () => {
    const metadata = opened(optionsFor(new CrashStore(content)));
    metadata.prepareGrowth(64 * GIB, (error) => assert.equal(error?.code, 'no-space'));
    assert.equal(metadata.sizeBytes, VOLUME_BYTES);
  });

  it('has the old size or the new one after a power cut at any operation, and the new one once it was answered', () => {
    const random = seededRandom(5);
    let isOver = false;
    const wasCut = (stopAfter: number): boolean => {
      const store = new CrashStore(content);
      const metadata = opened(optionsFor(store));
      store.stopAt = store.operations + stopAfter;
      metadata.prepareGrowth(LARGER_BYTES, () => metadata.grow(LARGER_BYTES, true, () => (isOver = true)));
      const left = store.afterPowerFailure(
        () => (['lost', 'kept', 'garbled'] as const)[random.below(3)] ?? 'lost',
      );
      const found = tryOpen(optionsFor(new CrashStore(left)));
      assert.ok(found !== undefined && !(found instanceof Error), `after ${stopAfter} operations`);
      assert.ok([VOLUME_BYTES, LARGER_BYTES].includes(found.sizeBytes), `after ${stopAfter} operations`);
      if (isOver) assert.equal(found.sizeBytes, LARGER_BYTES);
      assert.equal(found.bitmap('b').dirtyBytes, MIB, `after ${stopAfter} operations`);
      return !isOver;
    };
    let operations = 0;
    while (wasCut(operations)) operations += 1;
    assert.ok(operations > 5, `${operations} operations`);
  });
});

describe('a bitmap that grows', () => {
  it('holds its bits, and is clean behind them, also where its last page was full', () => {
    const blocks = BLOCKS_PER_PAGE + 10;
    const bitmap = new Bitmap(blocks * BLOCK_BYTES - 512);
    bitmap.markAll();
    const larger = 3 * BLOCKS_PER_PAGE;
    bitmap.grow(larger * BLOCK_BYTES);
    assert.equal(bitmap.dirtyBlocks, blocks);
    assert.deepEqual(bitmap.nextDirty(0, larger), { firstBlock: 0, blockCount: blocks });
    assert.equal(bitmap.nextDirty(blocks, larger), undefined);
    assert.equal(bitmap.mark((larger - 1) * BLOCK_BYTES, BLOCK_BYTES), 1);
    assert.equal(bitmap.markAll(), larger - blocks - 1);
    assert.equal(bitmap.clear(0, larger * BLOCK_BYTES), larger);
  });
});
