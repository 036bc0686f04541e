import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { BLOCK, Pair, SIZE_BYTES, type TestNode } from './support/pair.ts';

const kept = (): Pair => new Pair({ config: { checksums: 'crc32c' }, diskDelayMs: () => 0.1 }).startMirror();

function rot(node: TestNode, block: number): void {
  node.data.content.fill(0xee, block * BLOCK + 100, block * BLOCK + 140);
}

function verify(pair: Pair): void {
  let answer: string | undefined;
  pair.a.volume.verify({ fast: false, repair: true }, (error) => (answer = error?.message ?? 'begun'));
  pair.until(() => answer !== undefined && pair.a.volume.status().peers[0]?.verify === null);
  assert.equal(answer, 'begun');
}

const isRotten = (node: TestNode, block: number): boolean => node.data.content[block * BLOCK + 100] === 0xee;

describe('a block that a disk has altered', () => {
  test('on the primary is read from the peer, and healed', () => {
    const pair = kept();
    pair.write(pair.a, 40, 7);
    rot(pair.a, 40);
    assert.equal(pair.read(pair.a, 40), 7);
    pair.until(() => !isRotten(pair.a, 40));
    pair.assertIdentical();
    const { checksumErrors = 0, disk, inSyncSet, ioErrors } = pair.a.volume.status();
    assert.ok(checksumErrors > 0 && ioErrors > 0);
    assert.deepEqual([disk, inSyncSet], ['UpToDate', ['a', 'b']]);
  });

  test('on the secondary is found by a verify, and healed from the primary', () => {
    const pair = kept();
    pair.write(pair.a, 40, 7);
    rot(pair.b, 40);
    verify(pair);
    pair.until(() => !isRotten(pair.b, 40));
    assert.ok((pair.b.volume.status().checksumErrors ?? 0) > 0);
    assert.equal(pair.a.volume.status().checksumErrors, 0);
    pair.assertIdentical();
  });

  test('on the primary is not copied over the good one by a verify that repairs', () => {
    const pair = kept();
    pair.write(pair.a, 40, 7);
    rot(pair.a, 40);
    verify(pair);
    pair.until(() => !isRotten(pair.a, 40));
    assert.equal(pair.b.data.content[40 * BLOCK + 100], 7);
    verify(pair);
    assert.equal(pair.a.volume.status().peers[0]?.lastVerify?.differingBytes, 0);
    pair.assertIdentical();
  });

  test('is no data where there is no other replica', () => {
    const pair = kept();
    pair.write(pair.a, 40, 7);
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    rot(pair.a, 40);
    let answer: string | undefined;
    pair.a.volume.device?.read(40 * BLOCK, BLOCK, (error) => (answer = error ?? 'ok'));
    pair.until(() => answer !== undefined);
    assert.equal(answer, 'EIO');
  });

  test('is never the source of a copy', () => {
    const pair = kept();
    pair.write(pair.a, 40, 7);
    pair.b.kill();
    pair.write(pair.a, 41, 8);
    rot(pair.a, 41);
    pair.b.start();
    pair.scheduler.runFor(3000);
    assert.equal(pair.b.data.content[41 * BLOCK + 100], 0, 'not what the disk made of it');
    pair.write(pair.a, 41, 9);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });
});

test('a blank disk in the place of another is not called altered, also where its rebuilding was cut short', () => {
  const resyncRate = { minBytesPerSecond: MIB, maxBytesPerSecond: MIB };
  const config = { checksums: 'crc32c', resyncRate } as const;
  const pair = new Pair({ config, diskDelayMs: () => 0.1 }).startMirror();
  for (let block = 0; block < 4096; block += 256) pair.write(pair.a, block, 7, 256);
  // So that everything that is known of the disk is on the metadata.
  let isClosed = false;
  pair.a.volume.close(() => (isClosed = true));
  pair.until(() => isClosed);
  pair.a.kill();
  pair.a.start();
  pair.until(() => pair.isConnected());
  pair.promote(pair.a);
  pair.until(() => pair.isEqual());
  pair.a.data.failWith = { kind: 'device', errno: 'EIO', message: 'the disk is gone' };
  pair.write(pair.a, 1, 8);
  pair.a.data.failWith = undefined;
  pair.a.data.content = Buffer.alloc(SIZE_BYTES);
  let answer: string | undefined;
  pair.a.volume.attach({ replaced: true }, (error) => (answer = error?.message ?? 'ok'));
  pair.until(() => answer === 'ok');
  pair.scheduler.runFor(1_000);
  assert.equal(pair.a.volume.status().disk, 'Inconsistent');
  pair.a.kill();
  pair.a.start();
  pair.until(() => pair.isConnected());
  pair.promote(pair.b);
  pair.until(() => pair.isEqual(), 120_000);
  assert.equal(pair.a.volume.status().checksumErrors, 0);
  pair.assertIdentical();
});
