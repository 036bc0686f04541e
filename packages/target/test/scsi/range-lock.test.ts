import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RangeLock, type Range } from '@eterne/target/scsi/range-lock.ts';

const shared = (start: number, end: number): Range => ({ start, end, exclusive: false });
const exclusive = (start: number, end: number): Range => ({ start, end, exclusive: true });

it('lets ordinary writes overlap and keeps atomic ones alone', () => {
  const lock = new RangeLock();
  const held: string[] = [];
  const [a, b, atomic, after, elsewhere] = [
    shared(0, 10),
    shared(5, 15),
    exclusive(8, 9),
    shared(8, 9),
    exclusive(100, 101),
  ];
  lock.acquire(a, () => held.push('a'));
  lock.acquire(b, () => held.push('b'));
  lock.acquire(atomic, () => held.push('atomic'));
  lock.acquire(after, () => held.push('after'));
  lock.acquire(elsewhere, () => held.push('elsewhere'));
  // Nobody contends for `elsewhere`; `after` may not overtake the atomic write that waits for its blocks.
  assert.deepEqual(held, ['a', 'b', 'elsewhere']);
  lock.release(a);
  assert.deepEqual(held, ['a', 'b', 'elsewhere']);
  lock.release(b);
  assert.deepEqual(held, ['a', 'b', 'elsewhere', 'atomic']);
  lock.release(atomic);
  assert.deepEqual(held, ['a', 'b', 'elsewhere', 'atomic', 'after']);
});
