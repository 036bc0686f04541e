import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VolumeConfig } from '../../src/engine/api.ts';
import { numbers } from './support/load.ts';
import type { MeshOptions } from './support/mesh.ts';
import { BLOCK, Pair } from './support/pair.ts';

const MIB = 1024 * 1024;

function asyncPair(options: MeshOptions = {}, congestion?: VolumeConfig['congestion']): Pair {
  const config = { mode: 'async', ...(congestion && { congestion }), ...options.config } as const;
  return new Pair({ ...options, config }).startMirror();
}

/** Writes block 0, 1, 2 … one after the other, each begun when the one before was answered. */
class Chain {
  answered = 0;
  readonly #pair: Pair;
  readonly #flushes: boolean;

  constructor(pair: Pair, flushes = false) {
    this.#pair = pair;
    this.#flushes = flushes;
  }

  next(): void {
    const { device } = this.#pair.a.volume;
    const link = this.answered;
    device?.write(link * BLOCK, Buffer.alloc(BLOCK, 1 + (link % 250)), false, (error) => {
      if (error !== undefined) return;
      const go = (): void => {
        this.answered += 1;
        this.next();
      };
      if (this.#flushes && link % 3 === 2) device.flush((failed) => failed ?? go());
      else go();
    });
  }

  /** How many links a disk holds, counted from the first; fails when some later one is there without an earlier one. */
  heldBy(content: Buffer): number {
    const holds = (link: number): boolean => content[link * BLOCK] === 1 + (link % 250);
    let held = 0;
    while (holds(held)) held += 1;
    for (let later = held; later < content.length / BLOCK; later += 1)
      assert.equal(content[later * BLOCK], 0, `link ${later} is there, link ${held} is not`);
    return held;
  }
}

describe('asynchronous', () => {
  test('a write is answered without the peer, and reaches it later', () => {
    const pair = asyncPair();
    pair.network.latencyMs = 50;
    const { nowMs } = pair.scheduler;
    pair.write(pair.a, 1, 7);
    pair.flush(pair.a);
    assert.ok(pair.scheduler.nowMs - nowMs < 1);
    assert.equal(pair.b.data.content[BLOCK], 0);
    assert.equal(pair.a.volume.status().peers[0]?.lagBytes, BLOCK);
    pair.scheduler.runFor(40);
    assert.ok((pair.a.volume.status().peers[0]?.lagMs ?? 0) >= 39);
    pair.until(() => pair.a.volume.status().peers[0]?.lagBytes === 0);
    pair.assertIdentical();
    assert.deepEqual(pair.a.volume.status().inSyncSet, ['a']);
  });

  test('overlapping writes do not wait for the peer either, and keep their order', () => {
    const pair = asyncPair();
    pair.network.latencyMs = 50;
    const { nowMs } = pair.scheduler;
    for (let fill = 1; fill <= 20; fill += 1) pair.write(pair.a, 3, fill);
    assert.ok(pair.scheduler.nowMs - nowMs < 1);
    pair.until(() => pair.a.volume.status().peers[0]?.lagBytes === 0);
    pair.assertIdentical();
    assert.equal(pair.b.data.content[3 * BLOCK], 20);
  });

  test('the primary dies: what the peer holds is a prefix of what was written', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const random = numbers(seed);
      const pair = asyncPair({ diskDelayMs: () => random(30) / 10 });
      pair.network.latencyMs = 5;
      pair.network.pieceBytes = () => 1 + random(9000);
      const chain = new Chain(pair);
      chain.next();
      pair.scheduler.runFor(100 + random(400));
      pair.a.kill();
      pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
      pair.promote(pair.b, { force: true });
      const held = chain.heldBy(pair.b.data.content);
      assert.ok(held > 10 && held <= chain.answered + 1, `${held} of ${chain.answered}`);
    }
  });

  test('both lose power: nothing that followed a flush is there without what the flush covered', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const random = numbers(seed);
      const pair = asyncPair({ diskDelayMs: () => random(30) / 10 });
      pair.network.latencyMs = 5;
      const chain = new Chain(pair, true);
      chain.next();
      pair.scheduler.runFor(200 + random(400));
      pair.a.kill();
      pair.b.kill();
      pair.b.data.losePower(() => random(2) === 0);
      const { content } = pair.b.data;
      const groups = Array.from({ length: 200 }, (_, group) =>
        [0, 1, 2].map((index) => content[(3 * group + index) * BLOCK] !== 0),
      );
      const last = groups.findLastIndex((group) => group.includes(true));
      assert.ok(last > 3);
      for (const [index, group] of groups.slice(0, Math.max(0, last)).entries())
        assert.ok(!group.includes(false), `group ${index} of ${last} is torn`);
    }
  });

  test('a clean switch-over loses nothing and needs no force', () => {
    const pair = asyncPair();
    pair.network.latencyMs = 20;
    for (let block = 0; block < 50; block += 1) pair.write(pair.a, block, 9);
    pair.demote(pair.a);
    assert.deepEqual(pair.a.volume.status().inSyncSet, ['a', 'b']);
    pair.until(() => pair.b.volume.status().disk === 'UpToDate');
    pair.promote(pair.b);
    assert.equal(pair.read(pair.b, 49), 9);
    pair.assertIdentical();
    pair.until(() => pair.b.volume.status().inSyncSet.join() === 'b');
    pair.write(pair.b, 1, 10);
    pair.until(() => pair.b.volume.status().peers[0]?.lagBytes === 0);
    pair.assertIdentical();
  });

  test('after an unclean end the peer needs force, and its blocks are the older ones of both', () => {
    const pair = asyncPair();
    pair.write(pair.a, 1, 1);
    pair.flush(pair.a);
    pair.until(() => pair.a.volume.status().peers[0]?.lagBytes === 0);
    pair.network.isCut = true;
    pair.write(pair.a, 1, 2);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    assert.equal(pair.tryPromote(pair.b)?.code, 'refused');
    pair.network.isCut = false;
    pair.promote(pair.b, { force: true });
    assert.equal(pair.read(pair.b, 1), 1);
    pair.write(pair.b, 2, 3);
    pair.a.start();
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'Established');
    pair.until(() => pair.a.volume.status().peers[0]?.replication === 'Established');
    pair.assertIdentical();
    assert.equal(pair.a.data.content[BLOCK], 1);
  });

  test('a lost peer holds nobody up, also with onPeerLost: freeze', () => {
    const pair = asyncPair({ config: { onPeerLost: 'freeze' } });
    pair.b.kill();
    pair.write(pair.a, 5, 5);
    pair.flush(pair.a);
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('slow: the writer waits when the queue is full', () => {
    const pair = asyncPair({}, { queueBytes: MIB, policy: 'slow' });
    pair.network.latencyMs = 100;
    const writes = Array.from({ length: 1000 }, (_, block) => pair.begin(pair.a, block, 4));
    pair.scheduler.runFor(50);
    const answered = (): number => writes.filter(({ answer }) => answer === 'ok').length;
    assert.ok(answered() >= 256 && answered() < 300, `${answered()} are answered`);
    assert.ok((pair.a.volume.status().peers[0]?.lagBytes ?? 0) <= MIB + BLOCK);
    pair.until(() => answered() === 1000);
    pair.until(() => pair.a.volume.status().peers[0]?.lagBytes === 0);
    pair.assertIdentical();
  });

  test('ahead: the writer goes on, and the rest is copied when the peer has taken what it was sent', () => {
    const pair = asyncPair({}, { queueBytes: MIB, policy: 'ahead' });
    pair.network.latencyMs = 100;
    const writes = Array.from({ length: 1000 }, (_, block) => pair.begin(pair.a, block, 4));
    pair.scheduler.runFor(50);
    assert.ok(writes.every(({ answer }) => answer === 'ok'));
    assert.equal(pair.a.volume.status().peers[0]?.replication, 'Ahead');
    pair.scheduler.runFor(80);
    assert.equal(pair.b.volume.status().peers[0]?.replication, 'Behind');
    assert.equal(pair.b.volume.status().disk, 'Consistent');
    pair.network.latencyMs = 0.1;
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    assert.equal(pair.a.volume.status().peers[0]?.resync.kind, 'bitmap');
  });

  test('a copy ends when what was sent besides is there, too: no block comes by it before what was flushed earlier', () => {
    const [copied, depended] = [2047, 4000];
    const rate = 4 * MIB;
    let isSlow = false;
    const delayMs = (): number => {
      const ms = isSlow ? 20_000 : 0;
      isSlow = false;
      return ms;
    };
    const pair = asyncPair({
      config: { resyncRate: { minBytesPerSecond: rate, maxBytesPerSecond: rate } },
      diskDelayMs: delayMs,
    });
    const { a, b } = pair;
    b.kill();
    pair.until(() => a.volume.status().peers[0]?.connection === 'Connecting');
    pair.write(a, 0, 3, copied + 1);
    b.start();
    pair.until(() => b.data.content[0] === 3);
    b.data.fault = (what, offset) => {
      isSlow = what === 'write' && offset === depended * BLOCK;
      return undefined;
    };
    pair.write(a, depended, 5);
    pair.flush(a);
    pair.write(a, copied, 6);
    pair.until(() => b.volume.status().disk !== 'Inconsistent', 60_000);
    a.kill();
    b.kill(true);
    assert.equal(b.data.content[copied * BLOCK], 6);
    assert.equal(b.data.content[depended * BLOCK], 5);
  });

  test('ahead: a peer that has got no more writes is given no content of them either, where it cannot read its own', () => {
    const pair = asyncPair({}, { queueBytes: MIB, policy: 'ahead' });
    const { a, b } = pair;
    const depended = 2000;
    pair.write(a, 0, 1);
    pair.flush(a);
    pair.until(() => a.volume.status().peers[0]?.lagBytes === 0);
    let isBad = true;
    b.data.fault = (what, offset) => {
      if (what === 'write' && offset === 0) isBad = false;
      if (what === 'write' || offset !== 0 || !isBad) return undefined;
      return { kind: 'sector', errno: 'EIO', message: 'bad sector' };
    };
    pair.network.latencyMs = 50;
    a.volume.verify({ fast: false, repair: false }, (error) => assert.equal(error, undefined));
    pair.scheduler.runFor(60);
    for (let block = 256; block < 1024; block += 64) pair.begin(a, block, 3, 64);
    pair.until(() => a.volume.status().peers[0]?.replication === 'Ahead');
    pair.write(a, depended, 5);
    pair.flush(a);
    pair.write(a, 0, 7);
    pair.scheduler.runFor(95);
    a.kill();
    pair.until(() => b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(b, { force: true });
    assert.equal(b.data.content[depended * BLOCK], 0);
    assert.equal(b.data.content[0], 1);
  });

  test('under load the peer comes and goes, and all is equal in the end', () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const random = numbers(seed);
      const pair = asyncPair(
        { diskDelayMs: () => random(3) },
        { queueBytes: MIB, policy: seed % 2 === 0 ? 'slow' : 'ahead' },
      );
      for (let round = 0; round < 150; round += 1) {
        for (let count = random(20); count > 0; count -= 1)
          pair.begin(pair.a, random(2000), 1 + random(200), 1 + random(8), random(20) === 0);
        if (random(10) === 0) pair.a.volume.device?.flush(() => {});
        pair.scheduler.runFor(random(10));
        if (random(30) === 0) pair.network.latencyMs = random(2) === 0 ? 0.1 : 60;
        if (random(40) !== 0) continue;
        if (pair.b.isUp) pair.b.kill(random(2) === 0);
        else pair.b.start();
      }
      pair.network.latencyMs = 0.1;
      if (!pair.b.isUp) pair.b.start();
      pair.until(() => pair.isEqual() && pair.a.volume.status().peers[0]?.lagBytes === 0, 60_000);
      pair.assertIdentical();
    }
  });
});
