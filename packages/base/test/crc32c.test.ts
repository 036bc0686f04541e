import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { crc32c, crc32cOf } from '@eterne/base';

test('the checksum of a part is that of RFC 3720, however long it is', () => {
  const bytes = Buffer.from('....123456789....');
  assert.equal(crc32cOf(bytes, 4, 13), 0xe3069283); // the customary check value
  assert.equal(crc32cOf(Buffer.alloc(32), 0, 32), 0x8a9136aa); // RFC 3720, B.4
  assert.equal(crc32cOf(bytes, 4, 4), crc32c(Buffer.alloc(0)));
  const long = Buffer.alloc(200).map((_, index) => (index * 37) & 0xff);
  for (let from = 0; from < 3; from += 1)
    for (let to = from; to <= long.length; to += 1)
      assert.equal(crc32cOf(long, from, to), crc32c(long.subarray(from, to)), `${from} to ${to}`);
});

test('the library takes no huge page for its allocator, and what it was told for that reaches no child', () => {
  const hugeKib = (): string | undefined =>
    /^AnonHugePages:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1];
  assert.notEqual(crc32c(Buffer.alloc(100)), 0);
  assert.equal(hugeKib(), '0');
  assert.equal(process.env['MIMALLOC_ALLOW_THP'], undefined);
});
