import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReadPolicy } from '../../src/engine/api.ts';
import { BLOCK, Pair } from './support/pair.ts';

const STRIPE_BLOCKS = 64;

/** Reads the blocks at once and answers how many of them each side's disk served. */
function readAtOnce(pair: Pair, blocks: readonly number[], fill: number): readonly [number, number] {
  const before = [pair.a.data.readCount, pair.b.data.readCount] as const;
  let left = blocks.length;
  for (const block of blocks)
    pair.a.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
      assert.equal(error, undefined);
      assert.deepEqual(data, Buffer.alloc(BLOCK, fill));
      left -= 1;
    });
  pair.until(() => left === 0);
  return [pair.a.data.readCount - before[0], pair.b.data.readCount - before[1]];
}

function mirror(readPolicy: ReadPolicy): Pair {
  return new Pair({ config: { readPolicy }, diskDelayMs: () => 1 }).startMirror();
}

describe('read policy', () => {
  const blocks = Array.from({ length: 128 }, (_, index) => index);
  const shares: readonly (readonly [ReadPolicy, number])[] = [
    ['local', 0],
    ['round-robin', 64],
    ['striped', 64],
  ];
  for (const [policy, ofPeer] of shares)
    test(`${policy}: the peer answers ${ofPeer} of 128 reads`, () => {
      const pair = mirror(policy);
      pair.write(pair.a, 0, 5, 128);
      assert.deepEqual(readAtOnce(pair, blocks, 5), [128 - ofPeer, ofPeer]);
    });

  test('striped: neighbours stay on one replica', () => {
    const pair = mirror('striped');
    assert.deepEqual(readAtOnce(pair, blocks.slice(0, STRIPE_BLOCKS), 0), [STRIPE_BLOCKS, 0]);
    assert.deepEqual(readAtOnce(pair, blocks.slice(STRIPE_BLOCKS), 0), [0, STRIPE_BLOCKS]);
  });

  test('least-pending: both work at once, and a lone read stays here', () => {
    const pair = mirror('least-pending');
    assert.deepEqual(readAtOnce(pair, [0], 0), [1, 0]);
    const [ofPrimary, ofPeer] = readAtOnce(pair, blocks, 0);
    assert.ok(ofPrimary > 40 && ofPeer > 40, `${ofPrimary} and ${ofPeer}`);
  });

  test('what this disk has refused is not shown from a peer that has taken it', () => {
    const pair = mirror('round-robin');
    pair.write(pair.a, 0, 1);
    const noSpace = { kind: 'logical', errno: 'ENOSPC', message: 'full' } as const;
    pair.a.data.fault = (what) => (what === 'write' ? noSpace : undefined);
    const write = pair.begin(pair.a, 0, 2);
    const seen: number[] = [];
    for (let reader = 0; reader < 4; reader += 1)
      pair.a.volume.device?.read(0, BLOCK, (error, data) =>
        seen.push(error === undefined ? data.readUInt8(0) : -1),
      );
    pair.until(() => seen.length === 4 && write.answer !== undefined);
    assert.deepEqual([write.answer, ...seen], ['ENOSPC', 1, 1, 1, 1]);
  });

  test('only a replica in step is asked, and what it owes is read here when it is lost', () => {
    const pair = mirror('round-robin');
    pair.write(pair.a, 0, 5, 128);
    let answered = 0;
    for (const block of blocks)
      pair.a.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
        assert.equal(error, undefined);
        assert.deepEqual(data, Buffer.alloc(BLOCK, 5));
        answered += 1;
      });
    pair.b.kill();
    pair.until(() => answered === 128);
    assert.deepEqual(readAtOnce(pair, blocks, 5), [128, 0]);
    pair.b.start();
    pair.until(() => pair.isEqual());
    assert.deepEqual(readAtOnce(pair, blocks, 5), [64, 64]);
  });

  for (const policy of ['round-robin', 'striped', 'least-pending'] as const)
    test(`${policy}: a read sees every write answered before it`, () => {
      const pair = mirror(policy);
      const content = new Uint8Array(256);
      let checked = 0;
      for (let round = 1; round <= 60; round += 1) {
        const writes = Array.from({ length: 8 }, (_, index) => (round * 37 + index * 31) % 256);
        const answers = writes.map((block) => pair.begin(pair.a, block, round));
        for (const block of writes) content[block] = round;
        pair.until(() => answers.every(({ answer }) => answer === 'ok'));
        const blocksToRead = Array.from({ length: 16 }, (_, index) => (round * 37 + index * 16) % 256);
        for (const block of blocksToRead)
          pair.a.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
            assert.equal(error, undefined);
            assert.equal(data[0], content[block]);
            checked += 1;
          });
        pair.until(() => checked === round * 16);
      }
    });
});
