import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBeat, encodeBeat } from '../../../src/heart/wire/beat.ts';
import { decodeLeaseGrant, encodeLeaseGrant, type LeaseEntry } from '../../../src/heart/wire/lease-grant.ts';
import { decodeLeaseRequest, encodeLeaseRequest } from '../../../src/heart/wire/lease-request.ts';

const session = 'ff'.repeat(16);
const name = fc.stringMatching(/^[a-z0-9]{1,63}$/);

test('the bytes of a beat', () => {
  assert.equal(encodeBeat({ number: 1, echo: undefined }).toString('hex'), `01000000${'00'.repeat(28)}`);
  const beat = { number: 7, echo: { session, sentAtUs: 258, heldUs: 3 } };
  assert.equal(encodeBeat(beat).toString('hex'), `07000000${session}020100000000000003000000`);
  assert.deepEqual(decodeBeat(encodeBeat(beat)), beat);
});

test('the bytes of a lease request', () => {
  const hex = encodeLeaseRequest({ number: 2, sentAtUs: 256 }).toString('hex');
  assert.equal(hex, '02000000000000000001000000000000');
  assert.deepEqual(decodeLeaseRequest(Buffer.from(hex, 'hex')), { number: 2, sentAtUs: 256 });
});

test('bodies of a wrong length are refused', () => {
  for (const length of [0, 15, 17, 31, 33]) {
    assert.equal(decodeBeat(Buffer.alloc(length)), undefined);
    assert.equal(decodeLeaseRequest(Buffer.alloc(length)), undefined);
  }
});

test('the bytes of a lease grant', () => {
  const entries = [{ group: 'db', epoch: 3, volumes: ['v'] }];
  const [body, ...rest] = encodeLeaseGrant(
    { session, number: 5, durationMs: 650, graceMs: 800, entries },
    900,
  );
  assert.equal(rest.length, 0);
  assert.equal(
    body?.toString('hex'),
    `${session}05000000000000008a02000020030000010264620300000000000000010176`,
  );
});

test('a grant of any size arrives whole, in parts that fit', () => {
  const entry = fc.record({ group: name, epoch: fc.nat(), volumes: fc.array(name, { maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const grant = { session, number: 1, durationMs: 650, graceMs: 800, entries };
      const parts = encodeLeaseGrant(grant, 830);
      const seen: LeaseEntry[] = [];
      for (const part of parts) {
        assert.ok(part.length <= 830);
        seen.push(...(decodeLeaseGrant(part)?.entries ?? assert.fail('a part does not decode')));
      }
      const flat = (list: readonly LeaseEntry[]): string[] =>
        list.flatMap(({ group, epoch, volumes }) => volumes.map((volume) => `${group} ${epoch} ${volume}`));
      assert.deepEqual(flat(seen), flat(entries));
      assert.deepEqual(
        [...new Set(seen.map(({ group }) => group))],
        [...new Set(entries.map(({ group }) => group))],
      );
    }),
  );
});

test('a cut or padded grant is refused', () => {
  const entries = [{ group: 'db', epoch: 3, volumes: ['v', 'w'] }];
  const [body = assert.fail()] = encodeLeaseGrant(
    { session, number: 5, durationMs: 1, graceMs: 1, entries },
    900,
  );
  for (let length = 0; length < body.length; length += 1)
    assert.equal(decodeLeaseGrant(body.subarray(0, length)), undefined, `${length} bytes`);
  assert.equal(decodeLeaseGrant(Buffer.concat([body, Buffer.alloc(1)])), undefined);
});

test('garbage is refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const body = Buffer.from(bytes);
      decodeBeat(body);
      decodeLeaseRequest(body);
      decodeLeaseGrant(body);
    }),
  );
});
