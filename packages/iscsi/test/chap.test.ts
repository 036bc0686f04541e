import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chapResponse, chooseAlgorithm, decodeBinary, encodeBinary, sameResponse } from '@eterne/iscsi';

describe('CHAP', () => {
  it('hashes identifier, secret and challenge (RFC 1994 §4.1)', () => {
    const response = chapResponse('md5', 1, 'secret', Buffer.from('00112233', 'hex'));
    assert.equal(response.toString('hex'), '98ce819c9fdb98a42d8bbc93ef2af654'); // printf '\x01secret\x00\x11\x22\x33' | md5sum
  });

  it('takes the first algorithm of the initiator that it knows', () => {
    assert.equal(chooseAlgorithm('99,7,5')?.number, 7);
    assert.equal(chooseAlgorithm('5')?.hash, 'md5');
    assert.equal(chooseAlgorithm('99'), undefined);
  });

  it('reads hexadecimal and base64 binary values', () => {
    assert.deepEqual(decodeBinary('0x0aFF'), Buffer.from([10, 255]));
    assert.deepEqual(decodeBinary('0xaff'), Buffer.from([10, 255]));
    assert.deepEqual(decodeBinary('0bCv8='), Buffer.from([10, 255]));
    assert.equal(encodeBinary(Buffer.from([10, 255])), '0x0aff');
    for (const wrong of ['', '0x', '10', '0xzz', '0b', `0x${'00'.repeat(1025)}`])
      assert.equal(decodeBinary(wrong), undefined);
  });

  it('compares responses of any length', () => {
    assert.ok(sameResponse(Buffer.from('ab'), Buffer.from('ab')));
    assert.ok(!sameResponse(Buffer.from('ab'), Buffer.from('abc')));
  });
});
