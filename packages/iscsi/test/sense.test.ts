/** Sense data byte by byte, in both formats. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SENSE, decodeSense, encodeSense, type Sense } from '@eterne/iscsi';

const KNOWN: readonly { readonly sense: Sense; readonly fixed: string; readonly descriptor: string }[] = [
  {
    sense: { ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 7 } },
    fixed: '70 00 05 00000000 0a 00000000 2400 00 c0 0007',
    descriptor: '72 05 2400 000000 08 0206 0000 c0 0007 00',
  },
  {
    sense: { ...SENSE.sanitizeInProgress, progress: 0x8001 },
    fixed: '70 00 02 00000000 0a 00000000 041b 00 80 8001',
    descriptor: '72 02 041b 000000 08 0206 0000 80 8001 00',
  },
  {
    sense: { ...SENSE.miscompareDuringVerify, information: 0x1234 },
    fixed: 'f0 00 0e 00001234 0a 00000000 1d00 00 00 0000',
    descriptor: '72 0e 1d00 000000 0c 000a 8000 0000000000001234',
  },
];

for (const { sense, fixed, descriptor } of KNOWN)
  it(`encodes ${sense.key.toString(16)}/${sense.code.toString(16)}`, () => {
    const [short, long] = [encodeSense(sense, false), encodeSense(sense, true)];
    assert.equal(short.toString('hex'), fixed.replaceAll(' ', ''));
    assert.equal(long.toString('hex'), descriptor.replaceAll(' ', ''));
    for (const bytes of [short, long]) {
      const { key, code } = decodeSense(bytes);
      assert.deepEqual({ key, code }, { key: sense.key, code: sense.code });
    }
  });
