import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  bodyBytesMax,
  DATAGRAM_BYTES_MAX,
  KIND_BEAT,
  open,
  seal,
  type Envelope,
} from '../../../src/heart/wire/envelope.ts';

const key = createSecretKey(Buffer.alloc(32, 1));
const envelope: Envelope = {
  kind: KIND_BEAT,
  path: 2,
  profile: 'lan',
  session: '000102030405060708090a0b0c0d0e0f',
  sequence: 258,
  sentAtUs: 1_000_000,
  from: 'n1',
  to: 'n2',
  life: null,
  body: Buffer.from('body'),
};

test('the bytes of an envelope', () => {
  const golden = [
    '45544842', // magic
    '01010200', // version, kind, path, zero
    '000102030405060708090a0b0c0d0e0f',
    '0201000000000000', // sequence
    '40420f0000000000', // sent at
    '026e31026e32', // names
    '626f6479',
    '83259cccb2d1102345810887335b21e0', // MAC
  ];
  assert.equal(seal(key, envelope).toString('hex'), golden.join(''));
  assert.deepEqual(open(key, 'n2', seal(key, envelope)), envelope);
});

test('a life makes it version 2, and stands behind the names', () => {
  const datagram = seal(key, { ...envelope, life: 'n1-1' });
  const golden = [
    '45544842', // magic
    '02010200', // version, kind, path, zero
    '000102030405060708090a0b0c0d0e0f',
    '0201000000000000', // sequence
    '40420f0000000000', // sent at
    '026e31026e32', // names
    '046e312d31', // life
    '626f6479',
  ].join('');
  assert.equal(datagram.toString('hex', 0, datagram.length - 16), golden);
  assert.deepEqual(open(key, 'n2', datagram), { ...envelope, life: 'n1-1' });
});

test('every changed byte is noticed', () => {
  const datagram = seal(key, envelope);
  for (let index = 0; index < datagram.length; index += 1) {
    const forged = Buffer.from(datagram);
    forged.writeUInt8(forged.readUInt8(index) ^ 1, index);
    assert.equal(typeof open(key, 'n2', forged), 'string', `byte ${index}`);
  }
});

test('every cut is noticed, and so is a surplus', () => {
  const datagram = seal(key, envelope);
  for (let length = 0; length < datagram.length; length += 1)
    assert.equal(typeof open(key, 'n2', datagram.subarray(0, length)), 'string', `${length} bytes`);
  assert.equal(open(key, 'n2', Buffer.concat([datagram, Buffer.alloc(1)])), 'forged');
  assert.equal(open(key, 'n2', Buffer.alloc(DATAGRAM_BYTES_MAX + 1)), 'malformed');
});

test('another receiver and another key are refused', () => {
  assert.equal(open(key, 'n3', seal(key, envelope)), 'foreign');
  assert.equal(open(createSecretKey(Buffer.alloc(32, 2)), 'n2', seal(key, envelope)), 'forged');
});

test('the largest body fits exactly', () => {
  for (const life of [null, 'l'.repeat(63)]) {
    const told = { ...envelope, life };
    const body = Buffer.alloc(bodyBytesMax(told));
    assert.equal(seal(key, { ...told, body }).length, DATAGRAM_BYTES_MAX);
    assert.deepEqual(open(key, 'n2', seal(key, { ...told, body })), { ...told, body });
  }
});

test('garbage is refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1100 }), (bytes) => {
      assert.equal(typeof open(key, 'n2', Buffer.from(bytes)), 'string');
    }),
  );
});
