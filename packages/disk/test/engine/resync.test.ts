import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK, Pair, SIZE_BYTES, type TestNode } from './support/pair.ts';

function resyncOf(node: TestNode) {
  const [peer] = node.volume.status().peers;
  assert.ok(peer);
  return peer.resync;
}

/** `a` is primary with content of its own; `b` is new. */
function withNewPeer(initialSync: 'smart' | 'full'): Pair {
  const pair = new Pair({ config: { initialSync }, diskDelayMs: () => 0.1 });
  pair.a.start();
  pair.promote(pair.a, { force: true });
  for (let block = 1024; block < 1280; block += 1) pair.write(pair.a, block, 0x33);
  return pair;
}

describe('a copy', () => {
  test('of a sparse volume sends what holds data, and names the holes in large pieces', () => {
    const pair = withNewPeer('full');
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    const { kind, toSyncBytes, wireBytes } = resyncOf(pair.a);
    assert.equal(kind, 'full');
    assert.equal(toSyncBytes, SIZE_BYTES);
    assert.ok(wireBytes >= 256 * BLOCK && wireBytes < 256 * BLOCK * 1.05, `${wireBytes} bytes`);
    assert.equal(resyncOf(pair.b).wireBytes, wireBytes, 'both sides count the same');
  });

  test('takes writes to holes, to blocks not copied yet, and to blocks on their way', () => {
    const pair = withNewPeer('full');
    pair.b.start();
    pair.until(() => resyncOf(pair.a).kind === 'full' && resyncOf(pair.a).wireBytes > 0);
    const writes = Array.from({ length: 512 }, (_, index) =>
      pair.begin(pair.a, (index * 37) % 8000, 1 + (index % 250)),
    );
    pair.until(() => writes.every(({ answer }) => answer === 'ok'));
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('of everything, to a replica that had it, sends digests', () => {
    const pair = withNewPeer('full');
    pair.b.start();
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    pair.b.volume.invalidate((error) => assert.equal(error, undefined));
    pair.until(() => resyncOf(pair.a).kind === 'checksum' && pair.isEqual());
    const { toSyncBytes, wireBytes } = resyncOf(pair.a);
    assert.equal(toSyncBytes, SIZE_BYTES);
    assert.ok(wireBytes < SIZE_BYTES / 500, `${wireBytes} bytes`);
    pair.assertIdentical();
  });

  test('after a crash of the primary sends digests first, and only what differs', () => {
    const pair = new Pair({ diskDelayMs: () => 0.1 }).startMirror();
    for (let block = 0; block < 2048; block += 8) pair.write(pair.a, block, 0x21, 8);
    pair.flush(pair.a);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 5, 0x99);
    pair.a.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    const { kind, toSyncBytes, wireBytes } = resyncOf(pair.b);
    assert.equal(kind, 'bitmap');
    assert.ok(toSyncBytes >= 2048 * BLOCK, 'the activity log covers whole extents');
    assert.ok(wireBytes < 300 * 1024, `${wireBytes} bytes`);
  });
});
