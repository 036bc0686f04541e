import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pair } from './support/pair.ts';

describe('a mirror of two', () => {
  test('both new and equal by word: connected, promoted, written, identical', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 0x11);
    pair.write(pair.a, 4, 0x22, 16);
    pair.flush(pair.a);
    assert.equal(pair.read(pair.a, 3), 0x11);
    pair.assertIdentical();
    assert.equal(pair.b.data.content[3 * 4096], 0x11);
  });

  test('a peer that is lost and returns gets exactly what it missed', () => {
    const pair = new Pair().startMirror();
    for (let block = 0; block < 64; block += 1) pair.write(pair.a, block, 1);
    pair.flush(pair.a);
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    for (let block = 100; block < 110; block += 1) pair.write(pair.a, block, 2);
    assert.equal(pair.a.volume.status().peers[0]?.dirtyBytes, 10 * 4096);
    pair.b.start();
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    const resync = pair.a.volume.status().peers[0]?.resync;
    assert.equal(resync?.kind, 'bitmap');
    assert.equal(resync?.toSyncBytes, 10 * 4096);
    assert.ok(resync.wireBytes >= 10 * 4096 && resync.wireBytes < 10.3 * 4096, `${resync.wireBytes} bytes`);
    pair.assertIdentical();
  });

  test('thousands of scattered dirty blocks come in one session', () => {
    const pair = new Pair().startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    let left = 0;
    for (let block = 0; block < 8000; block += 2) {
      left += 1;
      pair.a.volume.device?.write(
        block * 4096,
        Buffer.alloc(4096, 1 + (block % 200)),
        false,
        () => (left -= 1),
      );
    }
    pair.until(() => left === 0);
    pair.b.start();
    pair.until(() => pair.isEqual());
    const wireBytes = pair.a.volume.status().peers[0]?.resync.wireBytes ?? 0;
    assert.ok(wireBytes >= 4000 * 4096 && wireBytes < 4000 * 4096 * 1.05, `${wireBytes} bytes`);
    assert.equal(pair.a.logs.filter((line) => line.includes('connected with b')).length, 2);
    pair.assertIdentical();
  });
});

test('promoted while the two still agree that they are equal: they come together all the same', () => {
  for (let afterMs = 0; afterMs < 3; afterMs += 0.05) {
    const pair = new Pair({ diskDelayMs: () => 0.2 });
    pair.a.start();
    pair.b.start();
    pair.scheduler.runFor(afterMs);
    const error = pair.tryPromote(pair.b, { force: true });
    assert.equal(error, undefined);
    pair.write(pair.b, 1, 1);
    pair.until(() => pair.isEqual() && pair.b.volume.status().inSyncSet.length === 2);
    pair.assertIdentical();
  }
});
