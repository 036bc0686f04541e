import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK, Pair, SIZE_BYTES, type TestNode } from '../support/pair.ts';
import { fileSystemOf, partclone, type TestPartclone } from './partclone.ts';

const USED_BLOCKS = 1024;
let tool: TestPartclone;

function begin(options: { dirty?: boolean; code?: number } = {}) {
  tool = partclone(USED_BLOCKS, SIZE_BYTES, options.code);
  const { commands, processes } = tool;
  const pair = new Pair({
    config: { initialSync: 'smart' },
    processes,
    diskDelayMs: () => 0.05,
  });
  fileSystemOf(pair.a, 0x77, options.dirty === true);
  pair.b.data.content.fill(0xbb);
  pair.b.data.write(0, Buffer.from(pair.b.data.content));
  pair.b.data.flush(pair.b.data.mark());
  pair.a.start();
  pair.promote(pair.a, { force: true });
  pair.b.start();
  pair.until(() => resyncOf(pair.a).kind === 'smart');
  return { pair, commands };
}

function synced(pair: Pair): void {
  pair.until(() => {
    tool.answer();
    return pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2;
  });
}

/** One sector of a block, by whoever serves. */
function writeSector(pair: Pair, node: TestNode, block: number, sector: number): void {
  let answer: string | undefined;
  const { device } = node.volume;
  assert.ok(device);
  device.write(
    block * BLOCK + sector * 512,
    Buffer.alloc(512, 0x55),
    false,
    (error) => (answer = error ?? 'ok'),
  );
  pair.until(() => answer !== undefined);
  assert.equal(answer, 'ok');
}

const sectorOf = (node: TestNode, block: number, sector: number): number =>
  node.data.content[block * BLOCK + sector * 512] ?? -1;

function sameBlock({ a, b }: Pair, block: number): boolean {
  const [mine, theirs] = [a, b].map(({ data }) => data.content.subarray(block * BLOCK, (block + 1) * BLOCK));
  return mine !== undefined && theirs !== undefined && mine.equals(theirs);
}

/** By a verify that the primary begins. */
function differing(pair: Pair, primary: TestNode): number | undefined {
  let begun = false;
  primary.volume.verify({ fast: false, repair: false }, (error) => (begun = error === undefined));
  const [status] = primary.volume.status().peers;
  pair.until(() => {
    const [peer] = primary.volume.status().peers;
    return (
      begun && peer?.verify === null && peer.lastVerify !== null && peer.lastVerify !== status?.lastVerify
    );
  });
  return primary.volume.status().peers[0]?.lastVerify?.differingBytes;
}

const resyncOf = (node: TestNode) => {
  const [peer] = node.volume.status().peers;
  assert.ok(peer);
  return peer.resync;
};
const blockOf = (node: TestNode, block: number): number => node.data.content[block * BLOCK] ?? -1;

describe('the first copy of a file system', () => {
  test('brings what is in use and nothing else, and the rest is never missed', () => {
    const { pair, commands } = begin();
    synced(pair);
    assert.deepEqual(commands[0]?.command.slice(0, 4), ['partclone.extfs', '-D', '-s', 'data']);
    const { reason, wireBytes } = resyncOf(pair.a);
    assert.ok(wireBytes < USED_BLOCKS * BLOCK * 1.05, `${wireBytes} bytes`);
    assert.match(reason, /ext2\/3\/4: 28 MiB are not in use/);
    const used = USED_BLOCKS * BLOCK;
    assert.ok(pair.a.data.content.subarray(0, used).equals(pair.b.data.content.subarray(0, used)));
    assert.equal(blockOf(pair.b, 5000), 0xbb);
    // A verify passes it over, and the other node reads it where it is.
    pair.a.volume.verify({ fast: false, repair: false }, () => {});
    pair.until(() => (pair.a.volume.status().peers[0]?.lastVerify ?? null) !== null);
    assert.equal(pair.a.volume.status().peers[0]?.lastVerify?.differingBytes, 0);
    pair.demote(pair.a);
    pair.promote(pair.b);
    assert.equal(pair.read(pair.b, 5000), 0x77);
  });

  test('notices what is written while the map is read, and afterwards', () => {
    const { commands, pair } = begin();
    const early = pair.begin(pair.a, 3000, 0x11, 8);
    pair.until(() => early.answer === 'ok' && commands.length > 0);
    synced(pair);
    assert.equal(blockOf(pair.b, 3007), 0x11);
    pair.write(pair.a, 4000, 0x22, 2);
    assert.equal(blockOf(pair.b, 4001), 0x22);
    // Defined now, also after a restart, on the node that lacked it.
    pair.b.volume.close(() => {});
    pair.scheduler.runFor(50);
    pair.b.kill();
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.demote(pair.a);
    pair.a.kill();
    pair.promote(pair.b, { force: true });
    assert.deepEqual(
      [3007, 4001, 5000].map((block) => pair.read(pair.b, block)),
      [0x11, 0x22, 0xbb],
    );
  });

  for (const role of ['secondary', 'primary'] as const)
    test(`leaves blocks that are copied whole when a part of them is first written, by a ${role} that lacks them`, () => {
      const { pair } = begin();
      synced(pair);
      if (role === 'primary') {
        pair.demote(pair.a);
        pair.promote(pair.b);
      }
      const before = Buffer.from(pair.b.data.content.subarray(6000 * BLOCK, 6001 * BLOCK));
      writeSector(pair, role === 'primary' ? pair.b : pair.a, 5000, 3);
      pair.until(() => sameBlock(pair, 5000));
      assert.deepEqual([sectorOf(pair.b, 5000, 0), sectorOf(pair.b, 5000, 3)], [0x77, 0x55]);
      assert.ok(pair.b.data.content.subarray(6000 * BLOCK, 6001 * BLOCK).equals(before), 'no other');
      // Compared from now on: it is known here.
      pair.scheduler.runFor(20);
      pair.b.data.content[5000 * BLOCK] = 1;
      assert.equal(differing(pair, role === 'primary' ? pair.b : pair.a), BLOCK);
    });

  test('leaves blocks unknown whose fetched content the power took', () => {
    const { pair } = begin();
    synced(pair);
    let wasWritten = false;
    const { data } = pair.b;
    data.fault = (what, offset, lengthBytes) => {
      if (what === 'write' && offset === 5000 * BLOCK && lengthBytes === BLOCK) wasWritten = true;
      return undefined;
    };
    const flushes = data.flushCount;
    writeSector(pair, pair.a, 5000, 3);
    pair.until(() => wasWritten);
    assert.equal(data.flushCount, flushes);
    pair.b.kill(true);
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    pair.b.start();
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    assert.equal(differing(pair, pair.a), 0);
    pair.demote(pair.a);
    pair.promote(pair.b);
    assert.deepEqual([pair.read(pair.b, 5000), pair.read(pair.b, 5001)], [0x77, 0x77]);
  });

  for (const [what, options] of [
    ['a file system that is mounted', { dirty: true }],
    ['a tool that fails', { code: 1 }],
  ] as const)
    test(`copies everything from ${what}`, () => {
      const { pair } = begin(options);
      synced(pair);
      assert.match(resyncOf(pair.a).reason, /everything but holes is copied/);
      pair.assertIdentical();
    });

  test('is cut short in any moment without harm', () => {
    for (let afterMs = 0; afterMs < 60; afterMs += 9) {
      const { pair } = begin();
      tool.answer();
      pair.scheduler.runFor(afterMs);
      pair.b.kill(true);
      pair.b.start();
      synced(pair);
      const used = USED_BLOCKS * BLOCK;
      assert.ok(pair.a.data.content.subarray(0, used).equals(pair.b.data.content.subarray(0, used)));
      pair.demote(pair.a);
      pair.promote(pair.b);
      assert.equal(pair.read(pair.b, 6000), 0x77, `cut after ${afterMs} ms`);
    }
  });
});
