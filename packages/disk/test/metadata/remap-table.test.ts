import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { PAGE_BYTES, REMAP_OFFSET } from '../../src/metadata/layout.ts';
import { RemapTable, SPARE_BLOCKS } from '../../src/metadata/remap-table.ts';

const UUID = '3b241101-e2bb-4255-8caf-4136c566a962';
const empty = (): Buffer => Buffer.alloc(PAGE_BYTES);

function table(...slots: readonly Buffer[]): RemapTable {
  const result = RemapTable.decode(slots, UUID);
  assert.ok(!(result instanceof EterneError));
  return result;
}

describe('the table of remapped blocks', () => {
  it('comes back as it was written', () => {
    const written = table(empty(), empty());
    const spare = written.assign(1_000_000);
    written.wrote(1_000_000, 512, 1024);
    const bad = written.assign(7);
    written.discardSpare(7);
    assert.equal(written.isChanged, true);
    const { offset, page } = written.encode();
    assert.equal(offset, REMAP_OFFSET + PAGE_BYTES, 'sequence 1 goes to slot 1');
    assert.equal(written.isChanged, false);
    const read = table(empty(), page);
    assert.equal(read.size, 1);
    assert.deepEqual(read.assign(1_000_000), spare);
    assert.equal(read.isGood(1_000_000, 512, 1024), true);
    assert.equal(read.isGood(1_000_000, 0, 512), false);
    assert.notEqual(read.assign(7)?.offset, bad?.offset, 'a bad spare is never used again');
  });

  it('takes the newer of two good slots, and the older one when that is damaged', () => {
    const written = table(empty(), empty());
    written.assign(1);
    const older = written.encode().page;
    written.assign(2);
    const newer = written.encode().page;
    assert.equal(table(newer, older).size, 2);
    const torn = Buffer.concat([newer.subarray(0, 512), older.subarray(512)]);
    torn[70] = 0xff;
    assert.equal(table(torn, older).size, 1);
  });

  it('is refused when both slots are damaged, or belong to another replica', () => {
    const written = table(empty(), empty());
    written.assign(1);
    const { page } = written.encode();
    assert.ok(
      RemapTable.decode([Buffer.alloc(PAGE_BYTES, 1), Buffer.alloc(PAGE_BYTES, 2)], UUID) instanceof
        EterneError,
    );
    assert.ok(RemapTable.decode([page, page], UUID.replace('3', '4')) instanceof EterneError);
  });

  it('has an end', () => {
    const full = table(empty(), empty());
    for (let block = 0; block < SPARE_BLOCKS; block += 1) assert.ok(full.assign(block));
    assert.equal(full.assign(SPARE_BLOCKS), undefined);
    assert.deepEqual(
      full.within(4096, 8192).map(({ block }) => block),
      [1, 2],
    );
  });
});
