import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore, StoreError } from '@eterne/runtime';
import { openChecksums, type Checksums } from '../../../src/engine/disk/checksums/checksums.ts';
import { metadataBytes, type MetadataState } from '../../../src/metadata/index.ts';
import { numbers } from '../support/load.ts';
import { MemoryDisk, storeOn } from '../support/memory-disk.ts';
import { BLOCK } from '../support/mesh.ts';
import { Scheduler } from '../support/scheduler.ts';

const SIZE_BYTES = 16 * 1024 * 1024;

/** A disk and its metadata, which outlive whoever opens them. */
class Bench {
  readonly scheduler = new Scheduler();
  data = new MemoryDisk(SIZE_BYTES);
  readonly metadata = new MemoryDisk(metadataBytes(SIZE_BYTES));
  delayMs = (): number => 0.1;
  #life = 0;
  checksums: Checksums | undefined;
  store: BlockStore | undefined;

  open(isKept = true, justCreated = false): this {
    this.#life += 1;
    const metadata = { sizeBytes: SIZE_BYTES, state: { justCreated } as MetadataState };
    let isOpen = false;
    openChecksums(this.#storeOf(this.metadata), metadata, isKept, (opened) => {
      assert.ok(!(opened instanceof EterneError));
      this.checksums = opened;
      this.wrap();
      isOpen = true;
    });
    assert.ok(this.scheduler.runUntil(() => isOpen));
    return this;
  }

  /** The data is on this disk from now on, which behaves as `altered` says. */
  wrap(altered = (store: BlockStore): BlockStore => store): void {
    const store = altered(this.#storeOf(this.data));
    this.store = this.checksums?.wrap(store) ?? store;
  }

  #storeOf(disk: MemoryDisk): BlockStore {
    const life = this.#life;
    const isDead = (): boolean => life !== this.#life;
    return storeOn(disk, this.scheduler, isDead, () => this.delayMs());
  }

  /** The process dies, and takes with it what no disk has yet; with `power` also what was not flushed. */
  kill(power: boolean, keep?: (index: number) => boolean): void {
    this.#life += 1;
    if (!power) return;
    this.data.losePower(keep);
    this.metadata.losePower(keep);
  }

  close(): void {
    if (this.checksums !== undefined) this.finish((done) => this.checksums?.settle(done));
    this.#life += 1;
  }

  finish(act: (done: (error: StoreError | undefined) => void) => void): StoreError | undefined {
    let result: { readonly error: StoreError | undefined } | undefined;
    act((error) => (result = { error }));
    assert.ok(this.scheduler.runUntil(() => result !== undefined));
    return result?.error;
  }

  write(block: number, fill: number, count = 1): StoreError | undefined {
    return this.finish((done) => this.store?.write(block * BLOCK, Buffer.alloc(count * BLOCK, fill), done));
  }

  read(block: number, lengthBytes = BLOCK, at = 0): StoreError | undefined {
    return this.finish((done) => this.store?.read(block * BLOCK + at, Buffer.alloc(lengthBytes), done));
  }

  /** The disk alters what it holds. */
  rot(block: number): void {
    this.data.content.writeUInt8(
      (this.data.content.readUInt8(block * BLOCK + 77) + 1) % 256,
      block * BLOCK + 77,
    );
  }
}

describe('checksums of blocks', () => {
  test('that could not be read once are not believed after the crash that follows a write', () => {
    const bench = new Bench().open();
    bench.write(10, 1);
    bench.close();
    bench.open();
    bench.metadata.fault = (what) =>
      what === 'read' ? { kind: 'sector', errno: 'EIO', message: 'unreadable for once' } : undefined;
    bench.write(10, 2);
    bench.metadata.fault = () => undefined;
    assert.equal(
      bench.finish((done) => bench.store?.flush(done)),
      undefined,
    );
    bench.kill(true);
    bench.open();
    assert.equal(bench.read(10), undefined, 'the old checksum is not that of the new content');
  });

  test('tell a block that the disk has altered, also in a part of it or among others', () => {
    const bench = new Bench().open();
    bench.write(10, 1, 8);
    assert.equal(bench.read(10, 8 * BLOCK), undefined);
    bench.rot(12);
    assert.equal(bench.read(12)?.errno, 'EILSEQ');
    assert.equal(bench.read(10, 8 * BLOCK)?.kind, 'sector');
    assert.equal(bench.read(12, 512, 1024)?.errno, 'EILSEQ');
    assert.equal(bench.read(11), undefined);
    assert.equal(bench.checksums?.mismatchCount, 3);
    bench.write(12, 5);
    assert.equal(bench.read(12), undefined);
  });

  test('say nothing of blocks that were written in part, and know zeroes', () => {
    const bench = new Bench().open();
    bench.write(20, 1, 2);
    bench.finish((done) => bench.store?.write(20 * BLOCK + 512, Buffer.alloc(512, 9), done));
    bench.rot(20);
    assert.equal(bench.read(20), undefined);
    bench.finish((done) => bench.store?.writeZeroes(20 * BLOCK, BLOCK, true, done));
    assert.equal(bench.read(20), undefined);
    bench.rot(20);
    assert.equal(bench.read(20)?.errno, 'EILSEQ');
  });

  test('say nothing of a block whose write was refused: it may hold anything', () => {
    const bench = new Bench().open();
    bench.write(30, 1);
    bench.data.fault = (what) =>
      what === 'write' ? { kind: 'logical', errno: 'ENOSPC', message: 'the device is full' } : undefined;
    assert.equal(bench.write(30, 2)?.kind, 'logical');
    bench.data.fault = () => undefined;
    bench.rot(30);
    assert.equal(bench.read(30), undefined);
  });

  test('outlive a clean end, and go with a crash as far as blocks were being written', () => {
    const bench = new Bench().open();
    bench.write(1, 1);
    bench.close();
    bench.open();
    // In another page: 1024 blocks further on.
    bench.write(2000, 2);
    bench.kill(false);
    bench.open();
    bench.rot(1);
    bench.rot(2000);
    assert.equal(bench.read(1)?.errno, 'EILSEQ');
    assert.equal(bench.read(2000), undefined);
  });

  test('are void after a time in which nobody kept them, and with a disk that is new', () => {
    for (const [isKept, justCreated] of [
      [false, false],
      [true, true],
    ] as const) {
      const bench = new Bench().open();
      bench.write(1, 1);
      bench.close();
      bench.open(isKept, justCreated);
      bench.data.content.fill(9, BLOCK, 2 * BLOCK);
      bench.close();
      bench.open();
      assert.equal(bench.read(1), undefined);
    }
  });

  test('do not accuse a block that is being written while it is read', () => {
    const bench = new Bench().open();
    const random = numbers(3);
    bench.delayMs = () => random(5);
    let open = 0;
    for (let step = 0; step < 400; step += 1) {
      const block = random(4);
      open += 1;
      const done = (error: StoreError | undefined): void => {
        assert.equal(error, undefined);
        open -= 1;
      };
      // Writes of one range never overlap here: range locks see to that.
      if (step % 2 === 0) bench.store?.read(block * BLOCK, Buffer.alloc(BLOCK), done);
      else if (step % 8 === 1) bench.store?.write((step % 4) * BLOCK, Buffer.alloc(BLOCK, step % 251), done);
      else open -= 1;
      bench.scheduler.runFor(random(3));
      if (step % 8 === 1) assert.ok(bench.scheduler.runUntil(() => open === 0));
    }
    assert.ok(bench.scheduler.runUntil(() => open === 0));
  });

  test('a flush that fails with them fails the disk', () => {
    const bench = new Bench().open();
    bench.write(1, 1);
    bench.data.failWith = { kind: 'device', errno: 'EIO', message: 'gone' };
    assert.equal(bench.finish((done) => bench.checksums?.settle(done))?.errno, 'EIO');
    bench.data.failWith = undefined;
    assert.equal(bench.finish((done) => bench.store?.flush(done))?.errno, 'EIO');
    assert.equal(bench.write(1, 2)?.errno, 'EIO');
  });

  test('are kept of the disk that takes the place of one whose flush failed, or never ended', () => {
    for (const isHung of [false, true]) {
      const bench = new Bench().open();
      bench.write(1, 1);
      if (isHung) bench.wrap((store) => ({ ...store, flush: () => {} }));
      else bench.data.failWith = { kind: 'device', errno: 'EIO', message: 'gone' };
      let failure: StoreError | undefined;
      bench.checksums?.settle((error) => (failure = error));
      bench.scheduler.runFor(10);
      assert.equal(failure?.errno, isHung ? undefined : 'EIO');
      bench.data = new MemoryDisk(SIZE_BYTES);
      bench.wrap();
      assert.equal(bench.write(1, 2), undefined);
      bench.close();
      bench.open();
      assert.equal(bench.read(1), undefined);
      bench.rot(1);
      assert.equal(bench.read(1)?.errno, 'EILSEQ');
    }
  });

  test('become durable at the end although pages are being closed already', () => {
    const bench = new Bench().open();
    bench.write(1, 1);
    let settled = 0;
    for (let i = 0; i < 3; i += 1) bench.checksums?.settle(() => (settled += 1));
    assert.ok(bench.scheduler.runUntil(() => settled === 3));
    bench.kill(true);
    bench.open();
    bench.rot(1);
    assert.equal(bench.read(1)?.errno, 'EILSEQ');
  });

  test('are right after a crash at any moment, with power or without', () => {
    const run = (events: number, power: boolean): boolean => {
      const random = numbers(11);
      const bench = new Bench().open();
      bench.delayMs = () => random(3);
      // Written and closed before, so that pages have to be opened.
      for (const block of [0, 5, 1500, 3000]) bench.write(block, 7, 3);
      bench.close();
      bench.open();
      let left = events;
      const go = (isDone: () => boolean): boolean => {
        bench.scheduler.runUntil(() => left-- <= 0 || isDone());
        return left > 0;
      };
      let open = 0;
      for (const [index, block] of [0, 5, 1500, 3000, 3500].entries()) {
        open += 1;
        bench.store?.write(block * BLOCK, Buffer.alloc(2 * BLOCK, 20 + index), () => (open -= 1));
      }
      let isSettled = false;
      const isPast =
        go(() => open === 0) && (bench.checksums?.settle(() => (isSettled = true)), go(() => isSettled));
      bench.kill(power, () => random(2) === 0);
      bench.open();
      for (let block = 0; block < SIZE_BYTES / BLOCK; block += 64)
        assert.equal(bench.read(block, 64 * BLOCK), undefined, `${events} events, block ${block}`);
      return isPast;
    };
    for (const power of [false, true]) {
      let points = 0;
      for (let events = 1; !run(events, power); events += 1) points += 1;
      assert.ok(points > 10, `${points} crash points`);
    }
  });
});
