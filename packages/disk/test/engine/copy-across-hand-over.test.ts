/** A copy or repair between two of three replicas, while another is promoted and writes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { BLOCK, type TestNode } from './support/pair.ts';
import { isWhole, peerOf, threeEqual, type Three } from './support/three.ts';

const resyncRate = { minBytesPerSecond: 4 * MIB, maxBytesPerSecond: 4 * MIB };
const COPY_BLOCKS = 2048;
const COPY_MS = 4_000;
const REPAIRED_BLOCKS = 384;

/** `a` has handed over to `b` while it copied to `c`, which has block 0 already; `b` has written and flushed it since. */
function handedOverAmidCopy({ isCut }: { readonly isCut: boolean }): Three {
  const three = threeEqual({ config: { resyncRate } });
  const { mesh, register, a, b, c } = three;
  c.kill();
  mesh.until(() => register.set.members.join() === 'a,b');
  mesh.write(a, 0, 3, COPY_BLOCKS);
  if (isCut) mesh.network.cut('b', 'c');
  c.start();
  mesh.until(() => c.data.content[0] === 3);
  mesh.demote(a);
  register.promote(mesh, b, [a, b]);
  mesh.write(b, 0, 7);
  mesh.flush(b);
  return three;
}

describe('a copy whose source has handed over', () => {
  test('leaves what the next primary writes to be copied when its source is primary again', () => {
    const three = handedOverAmidCopy({ isCut: true });
    const { mesh, register, a, b, c } = three;
    mesh.scheduler.runFor(COPY_MS);
    mesh.demote(b);
    register.promote(mesh, a, [a, b]);
    mesh.until(() => register.set.members.join() === 'a,b,c');
    assert.equal(c.data.content[0], 7);
    mesh.network.heal('b', 'c');
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('leaves it also when the next primary loses its power', () => {
    const { mesh, register, a, b, c } = handedOverAmidCopy({ isCut: true });
    mesh.scheduler.runFor(COPY_MS);
    b.kill(true);
    mesh.until(() => peerOf(a, 'b').connection === 'Connecting');
    register.promote(mesh, a, [a]);
    mesh.until(() => register.set.members.join() === 'a,c');
    a.kill();
    mesh.until(() => peerOf(c, 'a').connection === 'Connecting');
    register.promote(mesh, c, [c]);
    assert.equal(mesh.read(c, 0), 7);
  });

  for (const backMs of [0, 5, 20, 40, 200])
    test(`leaves it also when no link is cut and it is primary again after ${backMs} ms`, () => {
      const three = handedOverAmidCopy({ isCut: false });
      const { mesh, register, a, b } = three;
      mesh.scheduler.runFor(backMs);
      mesh.demote(b);
      register.promote(mesh, a, [a, b]);
      mesh.until(() => isWhole(three), 60_000);
      mesh.assertIdentical();
    });
});

/** `a` has begun to copy blocks to `c` that a verify found to differ, over a link that takes `linkMs`; it hands over `afterMs` later. */
function handedOverAmidRepair(linkMs: number, afterMs: number): Three {
  const three = threeEqual({ config: { resyncRate } });
  const { mesh, a, c } = three;
  const bytes = REPAIRED_BLOCKS * BLOCK;
  mesh.write(a, 0, 3, REPAIRED_BLOCKS);
  mesh.flush(a);
  for (let block = 0; block < REPAIRED_BLOCKS; block += 1) c.data.content[block * BLOCK] = 9;
  a.volume.verify({ fast: false, repair: false }, (error) => assert.equal(error, undefined));
  const isMarked = (): boolean =>
    peerOf(a, 'c').dirtyBytes === bytes && peerOf(a, 'c').replication === 'Established';
  mesh.until(isMarked, 30_000);
  mesh.network.latencyOf.set('a,c', linkMs);
  a.volume.resync('c', (error) => assert.equal(error, undefined));
  mesh.until(() => peerOf(a, 'c').dirtyBytes < bytes);
  mesh.scheduler.runFor(afterMs);
  mesh.demote(a);
  return three;
}

function overwriteAll({ mesh }: Three, node: TestNode): void {
  const writes = Array.from({ length: REPAIRED_BLOCKS }, (_, block) => mesh.begin(node, block, 7));
  mesh.until(() => writes.every(({ answer }) => answer === 'ok'));
  mesh.scheduler.runFor(COPY_MS);
}

describe('a repair by a replica that has handed over', () => {
  for (const afterMs of [0, 7, 14, 21, 28, 35, 50])
    test(`overwrites nothing that the next primary has written (after ${afterMs} ms)`, () => {
      const three = handedOverAmidRepair(40, afterMs);
      const { mesh, register, b } = three;
      register.promote(mesh, b, [...mesh.nodes]);
      overwriteAll(three, b);
      mesh.until(() => isWhole(three));
      mesh.assertIdentical();
    });

  for (const [linkMs, afterMs, thenMs] of [
    [0.1, 10, 0],
    [5, 10, 10],
    [5, 20, 0],
    [5, 40, 45],
    [40, 20, 0],
  ] as const)
    test(`overwrites nothing that is written where it copied to (${linkMs} ms away, after ${afterMs} and ${thenMs} ms)`, () => {
      const three = handedOverAmidRepair(linkMs, afterMs);
      const { mesh, register, c } = three;
      mesh.scheduler.runFor(thenMs);
      register.promote(mesh, c, [...mesh.nodes]);
      overwriteAll(three, c);
      mesh.until(() => isWhole(three));
      assert.equal(mesh.read(c, 0), 7);
      mesh.assertIdentical();
    });
});
