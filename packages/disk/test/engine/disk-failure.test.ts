import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { BLOCK, Pair } from './support/pair.ts';
import { peerOf, threeEqual } from './support/three.ts';

const FAILURE = { kind: 'device', errno: 'EIO', message: 'the disk is gone' } as const;

describe('a failed disk', () => {
  test('of the primary: it leaves the set and serves on from its peer', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 0, 1);
    pair.a.data.failWith = FAILURE;
    pair.write(pair.a, 1, 2);
    const status = pair.a.volume.status();
    assert.equal(status.disk, 'Failed');
    assert.deepEqual(status.inSyncSet, ['b']);
    assert.equal(pair.read(pair.a, 0), 1);
    assert.equal(pair.read(pair.a, 1), 2);
    assert.equal(pair.b.data.content[4096], 2);
  });

  for (const demotes of [true, false]) {
    test(`of the primary, repaired later: it gets what it missed (${demotes ? 'demoted' : 'killed'} before)`, () => {
      const pair = new Pair().startMirror();
      pair.write(pair.a, 0, 1);
      pair.flush(pair.a);
      pair.write(pair.a, 5, 1);
      pair.a.data.failWith = FAILURE;
      pair.write(pair.a, 1, 2);
      pair.write(pair.a, 2000, 3);
      pair.flush(pair.a);
      if (demotes) pair.demote(pair.a);
      pair.a.kill(true);
      pair.a.data.failWith = undefined;
      pair.a.start();
      pair.until(() => pair.isConnected());
      pair.until(() => pair.a.volume.status().peers[0]?.replication === 'Established');
      pair.assertIdentical();
    });
  }

  test('of the secondary: it leaves the set, and the primary goes on alone', () => {
    const pair = new Pair().startMirror();
    pair.b.data.failWith = FAILURE;
    pair.write(pair.a, 1, 2);
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    assert.equal(pair.b.volume.status().disk, 'Failed');
    pair.b.kill();
    pair.b.data.failWith = undefined;
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('of the primary, at any moment of a copy to a third: nobody comes into the set by it, and what this disk lacks stays marked', () => {
    for (let delayMs = 4; delayMs < 10; delayMs += 0.25) {
      const { mesh, register, a, b, c } = threeEqual({ diskDelayMs: () => 0.5 });
      c.kill();
      mesh.until(() => register.set.members.length === 2);
      mesh.write(a, 5, 1);
      c.start();
      mesh.until(() => peerOf(a, 'c').replication === 'SyncSource');
      mesh.scheduler.runFor(delayMs);
      a.data.failWith = FAILURE;
      for (const fill of [2, 3]) for (const block of [5, 7]) mesh.write(a, block, fill);
      mesh.flush(a);
      mesh.scheduler.runFor(500);
      for (const node of [b, c].filter(({ name }) => register.set.members.includes(name)))
        assert.deepEqual(
          [5, 7].map((block) => node.data.content[block * BLOCK]),
          [3, 3],
          `${node.name} at ${delayMs} ms`,
        );
      for (const peer of ['b', 'c'])
        assert.ok(peerOf(a, peer).dirtyBytes >= 2 * BLOCK, `${peer} at ${delayMs} ms`);
      a.kill();
      a.data.failWith = undefined;
      a.start();
      mesh.until(() => peerOf(b, 'a').connection === 'Connected');
      register.promote(mesh, b, [b]);
      mesh.until(() => register.set.members.length === 3);
      mesh.assertIdentical();
      assert.equal(mesh.read(b, 7), 3);
    }
  });

  test('of the primary, at any moment of a repair: that ends, and what this disk lacks stays marked', () => {
    for (let delayMs = 0; delayMs < 8; delayMs += 0.25) {
      const pair = new Pair({ diskDelayMs: () => 0.5 }).startMirror();
      pair.write(pair.a, 5, 1);
      pair.b.data.content.fill(0xee, 5 * BLOCK, 6 * BLOCK);
      pair.a.volume.verify({ fast: false, repair: true }, () => {});
      pair.until(() => pair.a.volume.status().peers[0]?.replication === 'SyncSource');
      pair.scheduler.runFor(delayMs);
      pair.a.data.failWith = FAILURE;
      pair.write(pair.a, 5, 2);
      pair.scheduler.runFor(500);
      const [peer] = pair.a.volume.status().peers;
      assert.equal(peer?.replication, 'Established');
      assert.ok(peer.dirtyBytes >= BLOCK, `at ${delayMs} ms`);
      assert.equal(pair.b.data.content[5 * BLOCK], 2);
    }
  });

  test('of the primary without a peer: nothing is answered well any more', () => {
    const pair = new Pair().startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    pair.a.data.failWith = FAILURE;
    const write = pair.begin(pair.a, 1, 2);
    pair.until(() => write.answer !== undefined);
    assert.equal(write.answer, 'ESHUTDOWN');
    assert.equal(pair.a.volume.device, undefined);
  });

  test('of the primary without a peer: a write that was answered does not land afterwards, when its memory holds something else', () => {
    const pair = new Pair().startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    pair.write(pair.a, 2, 5);
    pair.a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FAILURE : undefined);
    const answers: string[] = [];
    for (const block of [1, 2]) {
      const data = Buffer.alloc(BLOCK, 7);
      pair.a.volume.device?.write(block * BLOCK, data, false, (error, isFree) => {
        answers.push(error ?? 'ok');
        if (isFree === true) data.fill(0xdd);
      });
    }
    pair.until(() => answers.length === 2);
    assert.deepEqual(answers, ['ESHUTDOWN', 'ESHUTDOWN']);
    assert.equal(pair.a.data.content[2 * BLOCK], 5);
  });
});

/** What can still be read of it is older than what its peers have. */
describe('a failed disk of the primary, which answers flushes and writes again', () => {
  const failedOnce = (pair: Pair): void => {
    pair.write(pair.a, 40, 7);
    pair.a.data.failWith = FAILURE;
    pair.write(pair.a, 40, 8);
    pair.a.data.failWith = undefined;
    assert.deepEqual([pair.a.volume.status().disk, pair.a.volume.status().inSyncSet], ['Failed', ['b']]);
  };

  test('repairs nothing on a peer', () => {
    const pair = new Pair({ config: { checksums: 'crc32c' } }).startMirror();
    failedOnce(pair);
    pair.b.data.content.fill(0xee, 40 * BLOCK + 100, 40 * BLOCK + 140);
    let answer: string | undefined;
    pair.a.volume.device?.read(40 * BLOCK, BLOCK, (error) => (answer = error ?? 'ok'));
    pair.until(() => answer !== undefined);
    pair.scheduler.runFor(1_000);
    assert.deepEqual([answer, pair.b.data.content[40 * BLOCK]], ['EIO', 8]);
  });

  for (const job of ['verify', 'resync'] as const)
    test(`is compared with nobody, and copied to nobody (${job})`, () => {
      const pair = new Pair().startMirror();
      failedOnce(pair);
      let answer: string | undefined;
      const told = (error: Error | undefined): void => void (answer = error?.message ?? 'begun');
      if (job === 'verify') pair.a.volume.verify({ fast: false, repair: true }, told);
      else pair.a.volume.resync(undefined, told);
      pair.scheduler.runFor(1_000);
      assert.equal(pair.read(pair.a, 40), 8);
      assert.match(answer ?? '', /the disk of this node .* has failed/);
    });

  test('ends the copy to a replica that comes back', () => {
    const resyncRate = { minBytesPerSecond: 4 * MIB, maxBytesPerSecond: 4 * MIB };
    const { mesh, register, a, c } = threeEqual({ config: { resyncRate } });
    c.kill();
    for (let block = 0; block < 2_000; block += 250) mesh.write(a, block, 7, 250);
    c.start();
    mesh.until(() => peerOf(a, 'c').replication === 'SyncSource' && c.data.content[0] === 7);
    a.data.failWith = FAILURE;
    mesh.write(a, 1_900, 8);
    a.data.failWith = undefined;
    mesh.scheduler.runFor(5_000);
    assert.deepEqual([c.data.content[1_900 * BLOCK], register.set.members], [0, ['b']]);
  });

  test('leaves reads to the peer that can read the block, where another one cannot', () => {
    const { mesh, a, b } = threeEqual({ config: { checksums: 'crc32c' } });
    mesh.write(a, 40, 7);
    a.data.failWith = FAILURE;
    mesh.write(a, 40, 8);
    a.data.failWith = undefined;
    b.data.content.fill(0xee, 40 * BLOCK + 100, 40 * BLOCK + 140);
    assert.equal(mesh.read(a, 40), 8);
    mesh.scheduler.runFor(1_000);
    assert.equal(b.data.content[40 * BLOCK], 8);
  });
});

describe('a failed disk of the primary, where another node is to serve (onDiskError: move)', () => {
  test('ends the term when its peer has everything, which takes over without force', () => {
    const pair = new Pair({ config: { onDiskError: 'move', onPeerLost: 'freeze' } }).startMirror();
    pair.write(pair.a, 0, 1);
    pair.a.data.failWith = FAILURE;
    pair.write(pair.a, 1, 2);
    pair.until(() => pair.a.volume.status().role === 'secondary');
    assert.equal(pair.a.volume.device, undefined);
    assert.match(pair.tryPromote(pair.a, { force: true })?.message ?? '', /the disk has failed/);
    pair.until(() => pair.b.volume.status().peers[0]?.role !== 'primary');
    pair.promote(pair.b);
    assert.deepEqual([pair.read(pair.b, 0), pair.read(pair.b, 1)], [1, 2]);
    assert.ok(!pair.b.volume.status().inSyncSet.includes('a'));
  });

  test('serves on by its peer where the operator took it away himself', () => {
    const pair = new Pair({ config: { onDiskError: 'move' } }).startMirror();
    let answer: string | undefined;
    pair.a.volume.detach((error) => (answer = error?.message ?? 'ok'));
    pair.until(() => answer !== undefined && pair.a.volume.status().inSyncSet.join() === 'b');
    pair.scheduler.runFor(1000);
    pair.write(pair.a, 1, 2);
    assert.deepEqual([answer, pair.a.volume.status().role], ['ok', 'primary']);
  });
});
