import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreError } from '@eterne/runtime';
import { BLOCK, Pair, type TestNode } from './support/pair.ts';
import { isWhole, peerOf, threeEqual } from './support/three.ts';

const SECTOR: StoreError = { kind: 'sector', errno: 'EIO', message: 'a bad sector' };
const FULL: StoreError = { kind: 'logical', errno: 'ENOSPC', message: 'no room' };

/** Block `bad` of the node's disk fails for `what`; every other place is good. */
function breakBlock(node: TestNode, bad: number, what: 'read' | 'write' | 'both'): void {
  node.data.fault = (operation, offset, lengthBytes) => {
    const touches = offset < (bad + 1) * BLOCK && bad * BLOCK < offset + lengthBytes;
    return touches && (what === 'both' || what === operation) ? SECTOR : undefined;
  };
}

describe('a bad sector', () => {
  test('that cannot be read is masked, rewritten from the peer and verified', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 7);
    let isBad = true;
    pair.a.data.fault = (what, offset, lengthBytes) => {
      const touches = offset < 4 * BLOCK && 3 * BLOCK < offset + lengthBytes;
      if (touches && what === 'write') isBad = false; // as a disk does that reallocates
      return touches && isBad ? SECTOR : undefined;
    };
    assert.equal(pair.read(pair.a, 3), 7);
    pair.until(() => !isBad);
    assert.equal(pair.read(pair.a, 3), 7);
    const status = pair.a.volume.status();
    assert.ok(status.ioErrors >= 1);
    assert.deepEqual([status.disk, status.remappedSectors, status.inSyncSet], ['UpToDate', 0, ['a', 'b']]);
  });

  test('that stays bad after the rewrite moves to the spare area, and is found there after a restart', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 7);
    breakBlock(pair.a, 3, 'read');
    assert.equal(pair.read(pair.a, 3), 7);
    pair.until(() => pair.a.volume.status().remappedSectors === 1);
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    assert.equal(pair.read(pair.a, 3), 7, 'from the spare area alone');
    pair.a.kill(true);
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    pair.promote(pair.a);
    assert.equal(pair.a.volume.status().remappedSectors, 1);
    assert.equal(pair.read(pair.a, 3), 7);
  });

  test('that cannot be written is remapped, and the disk stays good', () => {
    const pair = new Pair().startMirror();
    breakBlock(pair.a, 5, 'write');
    pair.write(pair.a, 4, 9, 4);
    const status = pair.a.volume.status();
    assert.deepEqual([status.disk, status.remappedSectors, status.inSyncSet], ['UpToDate', 1, ['a', 'b']]);
    for (const block of [4, 5, 6, 7]) assert.equal(pair.read(pair.a, block), 9);
    pair.write(pair.a, 5, 10);
    assert.equal(pair.read(pair.a, 5), 10);
  });

  test('of a secondary is remapped there when written, and repaired from the primary when read', () => {
    const pair = new Pair().startMirror();
    breakBlock(pair.b, 5, 'both');
    pair.write(pair.a, 5, 9);
    assert.equal(pair.b.volume.status().remappedSectors, 1);
    pair.write(pair.a, 8, 1);
    breakBlock(pair.b, 8, 'read');
    let failures = 0;
    pair.a.data.fault = (what) => (what === 'read' && failures++ < 1 ? SECTOR : undefined);
    let answer: string | undefined;
    pair.a.volume.device?.read(8 * BLOCK, BLOCK, (error) => (answer = error ?? 'ok'));
    pair.until(() => answer !== undefined);
    assert.equal(answer, 'EIO', 'nobody could read it');
    pair.until(() => pair.b.volume.status().remappedSectors === 2);
  });

  test('everywhere is a failed device, and the peer serves', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 7);
    pair.a.data.fault = (what) => (what === 'read' ? SECTOR : undefined);
    assert.equal(pair.read(pair.a, 3), 7);
    pair.until(() => pair.a.volume.status().disk === 'Failed');
    pair.until(() => pair.a.volume.status().inSyncSet.join() === 'b');
    assert.equal(pair.read(pair.a, 3), 7);
  });
});

describe('a full disk', () => {
  test('of the primary: the application is told, the disk stays, the replicas become equal again', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 1, 1);
    pair.a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FULL : undefined);
    const refused = pair.begin(pair.a, 1, 2);
    pair.until(() => refused.answer !== undefined);
    assert.equal(refused.answer, 'ENOSPC');
    const status = pair.a.volume.status();
    assert.deepEqual([status.disk, status.ioErrors, status.role], ['UpToDate', 1, 'primary']);
    assert.equal(pair.read(pair.a, 1), 1);
    pair.write(pair.a, 2, 3);
    pair.until(() => pair.b.data.content[BLOCK] === 1);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  for (const afterMs of [0, 1, 20, 50, 500])
    test(`of the primary, which then hands over: of two the other one is promoted ${afterMs} ms later`, () => {
      const pair = new Pair().startMirror();
      const { a, b } = pair;
      a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FULL : undefined);
      const refused = pair.begin(a, 1, 2);
      pair.until(() => refused.answer !== undefined);
      assert.equal(refused.answer, 'ENOSPC');
      pair.demote(a);
      a.data.fault = () => undefined;
      pair.scheduler.runFor(afterMs);
      pair.promote(b);
      pair.write(b, 2, 3);
      pair.scheduler.runFor(3000);
      pair.until(() => pair.isEqual());
      pair.assertIdentical();
    });

  test('of the primary, which then hands over: no other member takes it for an equal', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FULL : undefined);
    const refused = mesh.begin(a, 1, 2);
    mesh.until(() => refused.answer !== undefined);
    assert.equal(refused.answer, 'ENOSPC');
    mesh.demote(a);
    a.data.fault = () => undefined;
    register.promote(mesh, b, [a, b, c]);
    mesh.until(() => isWhole(three));
    mesh.scheduler.runFor(100);
    b.kill();
    mesh.until(() => peerOf(c, 'b').connection === 'Connecting');
    register.promote(mesh, c, [a, c]);
    b.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('of the primary while a member is away: one that took what was refused is no equal of that one when it is back', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    b.kill();
    mesh.until(() => register.set.members.join() === 'a,c');
    a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FULL : undefined);
    const refused = mesh.begin(a, 1, 2);
    mesh.until(() => refused.answer !== undefined);
    assert.equal(refused.answer, 'ENOSPC');
    a.data.fault = () => undefined;
    b.start();
    mesh.until(() => register.set.members.includes('b'));
    mesh.scheduler.runFor(100);
    a.kill();
    mesh.until(() => peerOf(b, 'a').connection === 'Connecting');
    register.promote(mesh, b, [b, c]);
    mesh.until(() => register.set.members.join() === 'b,c');
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('is what has peers met anew at a hand-over, and not what a verify has marked', () => {
    const pair = new Pair().startMirror();
    const { a, b } = pair;
    b.data.content[BLOCK] = 9;
    a.volume.verify({ fast: false, repair: false }, (error) => assert.equal(error, undefined));
    pair.until(() => a.volume.status().peers[0]?.dirtyBytes === BLOCK);
    const before = b.logs.length;
    pair.demote(a);
    pair.scheduler.runFor(500);
    assert.deepEqual(
      b.logs.slice(before).filter((line) => line.includes('lost a')),
      [],
    );
  });

  test('of the primary that fails then: the peer serves on', () => {
    const pair = new Pair().startMirror();
    const { a } = pair;
    a.data.fault = (what, offset) => (what === 'write' && offset === BLOCK ? FULL : undefined);
    const refused = pair.begin(a, 1, 2);
    pair.until(() => refused.answer !== undefined);
    a.data.failWith = { kind: 'device', errno: 'EIO', message: 'gone' };
    pair.write(a, 3, 7);
    assert.equal(a.volume.status().disk, 'Failed');
    pair.scheduler.runFor(3000);
    assert.equal(pair.read(a, 3), 7);
  });

  test('of a secondary: it leaves the set, and the application hears nothing of it', () => {
    const pair = new Pair().startMirror();
    pair.b.data.fault = (what) => (what === 'write' ? FULL : undefined);
    pair.write(pair.a, 1, 2);
    pair.until(() => pair.a.volume.status().inSyncSet.join() === 'a');
    assert.equal(pair.b.volume.status().disk, 'Failed');
  });
});
