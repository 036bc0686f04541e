import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK, Pair } from './support/pair.ts';

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
