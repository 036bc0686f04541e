import assert from 'node:assert/strict';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Random } from '@eterne/runtime';
import { assert as check, constantFrom, nat, pre, property } from 'fast-check';
import { createToken, decodeToken, encodeToken, hashSecret, secretMatches } from '../../src/pki/token.ts';

const random: Random = { bytes: randomBytes, below: (bound) => randomInt(bound), uuid: randomUUID };
const refused = (error: unknown) => error instanceof EterneError && error.code === 'unauthorized';

test('what is encoded is decoded, and a bearer of one kind is not the other', () => {
  const token = createToken('join', randomBytes(32), random);
  const text = encodeToken(token);
  assert.deepEqual(decodeToken('join', ` ${text}\n`), token);
  assert.throws(() => decodeToken('api', text), refused);
  assert.ok(secretMatches(token.secret, hashSecret(token.secret)));
  assert.ok(!secretMatches(randomBytes(28), hashSecret(token.secret)));
  assert.ok(!secretMatches(token.secret, ''));
});

test('the golden form of version 1', () => {
  const token = {
    kind: 'api' as const,
    authorityFingerprint: Buffer.alloc(32, 0x11),
    id: '2222222222222222',
    secret: Buffer.alloc(28, 0x33),
  };
  assert.equal(
    encodeToken(token),
    'eterne-api-1.EREREREREREREREREREREREREREREREREREREREREREiIiIiIiIiIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzPuhKI7',
  );
});

test('no mistyped character gets through', () => {
  const text = encodeToken(createToken('join', randomBytes(32), random));
  check(
    property(nat(text.length - 1), constantFrom('A', 'z', '0', '-', '_', '.'), (at, replacement) => {
      pre(text[at] !== replacement);
      assert.throws(() => decodeToken('join', text.slice(0, at) + replacement + text.slice(at + 1)), refused);
    }),
  );
  for (const bad of ['', text.slice(0, -1), `${text}A`])
    assert.throws(() => decodeToken('join', bad), refused);
});
