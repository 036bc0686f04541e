/** The disk of a primary fails while a peer in step is known to differ, as a verify has found: nobody is served what that one has, and nobody forgets it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK } from './support/mesh.ts';
import { isWhole, peerOf, threeEqual, type Three } from './support/three.ts';

const FAILURE = { kind: 'device', errno: 'EIO', message: 'the disk is gone' } as const;

/** Block 3 is 1 on `a`, which is primary, and on `c`, and something else on `b`, as `a` knows. Then the disk of `a` fails. */
function failedAfterVerify(): Three {
  const three = threeEqual();
  const { a, b, mesh } = three;
  mesh.write(a, 3, 1);
  mesh.flush(a);
  b.data.content.fill(0xee, 3 * BLOCK, 4 * BLOCK);
  a.volume.verify({ fast: false, repair: false }, (error) => assert.equal(error, undefined));
  mesh.until(() => peerOf(a, 'b').lastVerify !== null && peerOf(a, 'c').lastVerify !== null, 100_000);
  assert.deepEqual([peerOf(a, 'b').dirtyBytes, peerOf(a, 'c').dirtyBytes], [BLOCK, 0]);
  a.data.failWith = FAILURE;
  mesh.write(a, 1, 2);
  assert.equal(a.volume.status().disk, 'Failed');
  return three;
}

test('a block that a verify found to differ on one peer is read from another one', () => {
  const { a, mesh } = failedAfterVerify();
  assert.equal(mesh.read(a, 3), 1);
});

test('a disk that is attached again gets it from there, and it is copied to the one that differs', () => {
  const three = failedAfterVerify();
  const { a, mesh } = three;
  a.data.failWith = undefined;
  a.data.content.fill(0xdd, 3 * BLOCK, 4 * BLOCK);
  a.volume.attach({ replaced: true }, (error) => assert.equal(error, undefined));
  mesh.until(() => isWhole(three), 100_000);
  assert.equal(mesh.read(a, 3), 1);
  a.volume.resync(undefined, (error) => assert.equal(error, undefined));
  mesh.until(() => peerOf(a, 'b').dirtyBytes === 0);
  mesh.assertIdentical();
});
