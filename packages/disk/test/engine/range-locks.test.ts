import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { RangeLocks, type RangeLock } from '../../src/engine/range-locks.ts';

const KIB = 1024;

function lockOf(offset: number, lengthBytes: number, granted: () => void = () => {}): RangeLock {
  return { offset, lengthBytes, blockers: 0, waiters: undefined, granted };
}

function overlap(a: RangeLock, b: RangeLock): boolean {
  return a.offset < b.offset + b.lengthBytes && b.offset < a.offset + a.lengthBytes;
}

describe('RangeLocks', () => {
  test('disjoint ranges at once, overlapping ones in order of arrival', () => {
    const locks = new RangeLocks();
    const order: string[] = [];
    const first = lockOf(0, 4 * KIB);
    const second = lockOf(2 * KIB, 4 * KIB, () => order.push('second'));
    const third = lockOf(5 * KIB, 4 * KIB, () => order.push('third'));
    assert.equal(locks.acquire(first), true);
    assert.equal(locks.acquire(second), false);
    assert.equal(locks.acquire(third), false, 'it waits behind the waiting second');
    assert.equal(locks.acquire(lockOf(64 * KIB, KIB)), true);
    locks.release(first);
    assert.deepEqual(order, ['second']);
    locks.release(second);
    assert.deepEqual(order, ['second', 'third']);
  });

  test('whenClear waits for those before it and keeps nobody waiting', () => {
    const locks = new RangeLocks();
    let clear = false;
    const first = lockOf(0, KIB);
    locks.acquire(first);
    assert.equal(
      locks.whenClear(0, KIB, () => (clear = true)),
      false,
    );
    assert.equal(
      locks.whenClear(KIB, KIB, () => assert.fail('it was clear')),
      true,
    );
    locks.release(first);
    assert.equal(clear, true);
    assert.equal(locks.size, 0);
  });

  test('thousands of waiters that release at once do not exhaust the stack', () => {
    const locks = new RangeLocks();
    const first = lockOf(0, KIB);
    locks.acquire(first);
    let granted = 0;
    for (let index = 0; index < 20_000; index += 1) {
      const lock = lockOf(0, KIB, () => {
        granted += 1;
        locks.release(lock);
      });
      if (index < 200 || index % 100 === 0) locks.acquire(lock);
    }
    locks.release(first);
    assert.equal(granted, 398);
    assert.equal(locks.size, 0);
  });

  test('against a model: never two overlapping holders, everybody in order, nobody forgotten', () => {
    const request = fc.record({
      // Some are longer than the granules that the counters spread over.
      offset: fc.nat(200).map((n) => n * 32 * KIB),
      lengthBytes: fc
        .oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 40, max: 200 }))
        .map((n) => n * 16 * KIB),
    });
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 60 }),
        fc.infiniteStream(fc.nat(1000)),
        (requests, chance) => {
          const locks = new RangeLocks();
          const arrived: RangeLock[] = [];
          const held = new Set<RangeLock>();
          const take = (lock: RangeLock): void => {
            for (const other of held) assert.ok(!overlap(lock, other), 'no two overlapping holders');
            const earlier = arrived.slice(0, arrived.indexOf(lock));
            assert.ok(!earlier.some((other) => overlap(lock, other)), 'in order of arrival');
            held.add(lock);
          };
          const releaseOne = (): void => {
            const lock = [...held][(chance.next().value as number) % held.size] as RangeLock;
            held.delete(lock);
            arrived.splice(arrived.indexOf(lock), 1);
            locks.release(lock);
          };
          for (const { offset, lengthBytes } of requests) {
            const lock = lockOf(offset, lengthBytes, () => take(lock));
            arrived.push(lock);
            if (locks.acquire(lock)) take(lock);
            if ((chance.next().value as number) % 3 === 0 && held.size > 0) releaseOne();
          }
          while (held.size > 0) releaseOne();
          assert.equal(locks.size, 0);
          assert.equal(arrived.length, 0);
        },
      ),
    );
  });
});
