import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepPoolsSmall } from '../src/node/small-pools.ts';

const SMALL_BYTES = 512;

test('a small buffer that stays keeps little', () => {
  const before = Buffer.poolSize;
  keepPoolsSmall();
  const kept = Array.from({ length: (2 * before) / SMALL_BYTES }, () => Buffer.allocUnsafe(SMALL_BYTES)).at(
    -1,
  );
  Buffer.poolSize = before;
  assert.equal(kept?.buffer.byteLength, 8 * 1024);
});
