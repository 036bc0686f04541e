import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { KIB, MIB } from '@eterne/base';
import { BufferSlabs } from '../../src/engine/buffer-slabs.ts';

const { address } = createRequire(import.meta.resolve('@eterne/runtime/node/native.ts'))('koffi') as {
  readonly address: (bytes: Buffer) => bigint;
};
const pageOffset = (bytes: Buffer): number => Number(address(bytes) % 4096n);

describe('memory for what passes through', () => {
  it('uses a slab again only when everything cut from it has been given back', () => {
    const slabs = new BufferSlabs();
    const first = Array.from({ length: 128 }, () => slabs.take(4 * KIB));
    const other = slabs.take(4 * KIB);
    assert.notEqual(other.buffer, first[0]?.buffer);
    const [kept, ...rest] = first;
    for (const taken of rest) slabs.give(taken);
    const while1 = Array.from({ length: 512 }, () => slabs.take(4 * KIB));
    assert.ok(
      while1.every(({ buffer }) => buffer !== kept?.buffer),
      'one of them is still in use',
    );
    slabs.give(kept as Buffer);
    const after = Array.from({ length: 512 }, () => slabs.take(4 * KIB));
    assert.ok(after.some(({ buffer }) => buffer === kept?.buffer));
  });

  it('gives nobody memory that another has', () => {
    const slabs = new BufferSlabs();
    let state = 1;
    const random = (bound: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % bound;
    };
    const live = new Map<Buffer, number>();
    for (let step = 0; step < 20_000; step += 1) {
      if (live.size > 0 && random(2) === 0) {
        const [taken, mark] = [...live][random(live.size)] as [Buffer, number];
        assert.ok(taken[0] === mark && taken.at(-1) === mark, 'nobody has written to it');
        live.delete(taken);
        if (random(10) > 0) slabs.give(taken);
      } else if (live.size < 40) {
        const taken = slabs.take(1 + random(random(5) === 0 ? 200 * KIB : 16 * KIB));
        const mark = random(256);
        taken.fill(mark, 0, 1);
        taken.fill(mark, taken.length - 1);
        live.set(taken, mark);
      }
    }
  });

  it('takes large memory again, keeps a bounded amount, and knows its own', () => {
    const slabs = new BufferSlabs();
    const large = slabs.take(MIB + 16);
    const memory = large.buffer;
    slabs.give(large.subarray(16));
    assert.equal(slabs.take(MIB).buffer, memory);
    slabs.give(Buffer.alloc(MIB + 8 * KIB));
    assert.ok(memory !== slabs.take(MIB).buffer);
    const many = Array.from({ length: 64 }, () => slabs.take(MIB));
    for (const taken of many) slabs.give(taken);
    const again = new Set(Array.from({ length: 64 }, () => slabs.take(MIB).buffer));
    const kept = many.filter(({ buffer }) => again.has(buffer)).length;
    assert.ok(kept >= 30 && kept <= 32, `${kept} were kept`);
  });

  it('puts data on pages, behind what stands before it', () => {
    const slabs = new BufferSlabs();
    const isOnPage = (data: Buffer): boolean => pageOffset(data) === 0;
    for (const lengthBytes of [64 * KIB, 100 * KIB, MIB - 512, MIB]) {
      const fresh = slabs.take(lengthBytes);
      assert.ok(isOnPage(fresh), `${lengthBytes} bytes`);
      slabs.give(fresh);
      const again = slabs.take(lengthBytes + 16, 16);
      assert.equal(again.length, lengthBytes + 16);
      assert.ok(isOnPage(again.subarray(16)), `${lengthBytes} bytes behind 16`);
    }
    assert.ok(isOnPage(slabs.take(4 * KIB)) && isOnPage(slabs.take(4 * KIB)), 'cut from a slab');
  });

  it('shows a use after giving back where it is told to', () => {
    const slabs = new BufferSlabs();
    BufferSlabs.poisons = true;
    const taken = slabs.take(512).fill(1);
    slabs.give(taken);
    BufferSlabs.poisons = false;
    assert.equal(taken[0], 0xdd);
    assert.throws(() => slabs.give(taken));
  });
});
