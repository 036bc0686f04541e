/** A repair sends a block, and the peer confirms it, while that block is written: what is marked by then must stay marked. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import type { VolumeConfig } from '../../src/engine/api.ts';
import { BLOCK, Pair } from './support/pair.ts';
import { peerOf as threePeerOf, threeEqual } from './support/three.ts';

const peerOf = ({ a }: Pair) => {
  const [peer] = a.volume.status().peers;
  assert.ok(peer);
  return peer;
};

/** `a` has sent block 0, which a verify found to differ; what `b` says of it is on its way for the next 100 ms. */
function amidRepair(config: Partial<VolumeConfig> = {}): Pair {
  const pair = new Pair({ config }).startMirror();
  pair.write(pair.a, 0, 1);
  pair.flush(pair.a);
  pair.until(() => peerOf(pair).lagBytes === 0);
  pair.b.data.write(0, Buffer.alloc(BLOCK, 9));
  pair.a.volume.verify({ fast: false, repair: false }, (error) => assert.equal(error, undefined));
  pair.until(() => peerOf(pair).dirtyBytes === BLOCK && peerOf(pair).verify === null);
  pair.network.latencyMs = 50;
  pair.a.volume.resync(undefined, (error) => assert.equal(error, undefined));
  pair.scheduler.runFor(1);
  assert.equal(peerOf(pair).replication, 'SyncSource');
  return pair;
}

describe('a repair that has sent a block', () => {
  test('ends when its peer gets no more writes: the block is written again, and that is still to be copied', () => {
    const pair = amidRepair({ mode: 'async', congestion: { queueBytes: MIB, policy: 'ahead' } });
    for (let block = 256; block < 1024; block += 64) pair.begin(pair.a, block, 3, 64);
    pair.until(() => peerOf(pair).replication === 'Ahead');
    pair.write(pair.a, 0, 7);
    pair.until(() => peerOf(pair).replication === 'Established' && peerOf(pair).lagBytes === 0);
    assert.equal(peerOf(pair).dirtyBytes, 0);
    assert.equal(pair.b.data.content[0], 7);
    pair.assertIdentical();
  });

  test('ends when the disk here refuses the block: the peer has what this side lacks', () => {
    const pair = amidRepair();
    pair.a.data.fault = (what) =>
      what === 'write' ? { kind: 'logical', errno: 'ENOSPC', message: 'full' } : undefined;
    const write = pair.begin(pair.a, 0, 7);
    pair.until(() => write.answer !== undefined);
    assert.equal(write.answer, 'ENOSPC');
    pair.until(() => pair.isEqual());
    assert.equal(pair.b.data.content[0], 1);
    pair.assertIdentical();
  });
});

describe('a repair of one of two peers, just after the disk here has refused a block', () => {
  test('waits until both are met anew: alone repaired it would differ from the other, and neither of them would know', () => {
    const { mesh, register, a, b, c } = threeEqual();
    mesh.write(a, 0, 1);
    a.data.fault = (what) =>
      what === 'write' ? { kind: 'logical', errno: 'ENOSPC', message: 'full' } : undefined;
    const write = mesh.begin(a, 0, 7);
    mesh.until(() => write.answer !== undefined);
    a.data.fault = () => undefined;
    a.volume.resync('b', (error) => assert.equal(error?.code, 'busy'));
    mesh.scheduler.runFor(100);
    mesh.flush(a);
    mesh.scheduler.runFor(20);
    a.kill(true);
    mesh.until(() => [b, c].every((node) => threePeerOf(node, 'a').connection === 'Connecting'));
    register.promote(mesh, b, [b, c]);
    mesh.until(() => register.set.members.join() === 'b,c');
    assert.equal(b.data.content[0], c.data.content[0]);
  });
});
