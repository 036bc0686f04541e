import assert from 'node:assert/strict';
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
