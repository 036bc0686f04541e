import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import { RemappingStore } from '../../../src/engine/disk/remapping-store.ts';
import { loadRemapTable } from '../../../src/metadata/load-remap-table.ts';
import { metadataBytes } from '../../../src/metadata/index.ts';
import { MemoryDisk, storeOn } from '../support/memory-disk.ts';
import { Scheduler } from '../support/scheduler.ts';

const BLOCK = 4096;
const SECTOR = 512;
const BAD: StoreError = { kind: 'sector', errno: 'EIO', message: 'bad sector' };

/** A disk of 16 blocks on which sector 0 of block 5 takes no writes. */
class Worn {
  readonly scheduler = new Scheduler();
  readonly data = new MemoryDisk(16 * BLOCK);
  readonly metadata = new MemoryDisk(metadataBytes(16 * BLOCK));
  readonly #delayMs: () => number;
  #life = 0;
  store: RemappingStore;

  constructor(delayMs: () => number = () => 0.1) {
    this.#delayMs = delayMs;
    this.data.content.fill(3);
    this.data.fault = (what, offset, lengthBytes) => {
      const bad = 5 * BLOCK;
      return what === 'write' && offset < bad + SECTOR && bad < offset + lengthBytes ? BAD : undefined;
    };
    this.store = this.#open();
  }

  #open(): RemappingStore {
    const life = this.#life;
    const [data, spares] = [this.data, this.metadata].map((disk) =>
      storeOn(disk, this.scheduler, () => life !== this.#life, this.#delayMs),
    );
    let store: RemappingStore | undefined;
    assert.ok(data && spares);
    loadRemapTable(spares, '00000000-0000-4000-8000-000000000001', (table) => {
      assert.ok(!(table instanceof EterneError));
      store = new RemappingStore(data, spares, table);
    });
    assert.ok(this.scheduler.runUntil(() => store !== undefined) && store);
    return store;
  }

  /** The process is killed. Its disk keeps what was written; that of the metadata loses power, too. */
  restart(): void {
    this.#life += 1;
    this.metadata.losePower();
    this.store = this.#open();
  }

  /** The answers, in order of the calls. */
  write(...writes: readonly (readonly [offset: number, lengthBytes: number, fill: number])[]): void {
    let left = writes.length;
    for (const [offset, lengthBytes, fill] of writes)
      this.store.write(offset, Buffer.alloc(lengthBytes, fill), (error) => {
        assert.equal(error, undefined);
        left -= 1;
      });
    assert.ok(this.scheduler.runUntil(() => left === 0));
  }

  /** The first byte of each sector of block 5. */
  read(): number[] {
    const into = Buffer.alloc(BLOCK);
    let answer: string | undefined;
    this.store.read(5 * BLOCK, into, (error) => (answer = error?.message ?? 'ok'));
    assert.ok(this.scheduler.runUntil(() => answer !== undefined));
    assert.equal(answer, 'ok');
    return Array.from({ length: BLOCK / SECTOR }, (_, sector) => into.readUInt8(sector * SECTOR));
  }
}

describe('a block that a write has remapped', () => {
  test('keeps what the write did not cover', () => {
    const worn = new Worn();
    worn.write([5 * BLOCK, SECTOR, 9]);
    assert.equal(worn.store.remappedBlocks, 1);
    assert.deepEqual(worn.read(), [9, 3, 3, 3, 3, 3, 3, 3]);
  });

  test('is found again after a crash that follows the answer, although nobody has flushed', () => {
    const worn = new Worn();
    worn.write([5 * BLOCK, SECTOR, 9]);
    worn.restart();
    assert.deepEqual(worn.read(), [9, 3, 3, 3, 3, 3, 3, 3]);
  });

  test('is where it was after a crash before the answer, and all of it is there', () => {
    for (let steps = 1; ; steps += 1) {
      const worn = new Worn();
      let isAnswered = false;
      worn.store.write(5 * BLOCK, Buffer.alloc(2 * SECTOR, 9), () => (isAnswered = true));
      for (let step = 0; step < steps; step += 1) {
        worn.store.flush(() => undefined);
        worn.scheduler.runFor(0.1);
      }
      if (isAnswered) break;
      worn.restart();
      const after = worn.store.remappedBlocks === 0 ? 3 : 9;
      assert.deepEqual(worn.read(), [after, after, 3, 3, 3, 3, 3, 3], `${steps} steps`);
    }
  });

  test('has the writes to its other sectors that were under way', () => {
    for (let seed = 1; seed < 60; seed += 1) {
      let step = seed;
      const worn = new Worn(() => (step = (step * 7919) % 97) / 10);
      const near: [number, number, number][] = [7, 1, 4].map((sector) => [
        5 * BLOCK + sector * SECTOR,
        SECTOR,
        sector,
      ]);
      worn.write(...near.slice(0, 1), [4 * BLOCK, BLOCK + SECTOR, 9], ...near.slice(1));
      assert.deepEqual(worn.read(), [9, 1, 3, 3, 4, 3, 3, 7]);
    }
  });
});
