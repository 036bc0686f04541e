import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { EterneError } from '@eterne/base';
import { decodeText, encodeText } from '@eterne/iscsi';

describe('text keys', () => {
  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[A-Z][A-Za-z0-9.]{0,40}$/);
    const value = fc.stringMatching(/^[!-~]{0,100}$/);
    fc.assert(
      fc.property(fc.dictionary(name, value), (keys) => {
        assert.deepEqual(Object.fromEntries(decodeText(encodeText(Object.entries(keys)))), { ...keys });
      }),
    );
  });

  it('throws nothing but protocol errors, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          decodeText(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof EterneError && error.code === 'protocol');
        }
      }),
      { numRuns: 2000 },
    );
  });

  for (const [title, text] of [
    ['no zero byte at the end', 'A=b'],
    ['a key twice', 'A=b\0A=c\0'],
    ['no equals sign', 'Abc\0'],
    ['an empty key', '=b\0'],
    ['a long key', `A${'b'.repeat(63)}=c\0`],
    ['a long value', `A=${'b'.repeat(9000)}\0`],
    ['too many keys', Array.from({ length: 129 }, (_, index) => `K${index}=v\0`).join('')],
  ] as const)
    it(`refuses ${title}`, () => assert.throws(() => decodeText(Buffer.from(text)), { code: 'protocol' }));
});
