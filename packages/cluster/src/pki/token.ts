/**
 * Tokens that people copy and paste. Both kinds name the cluster's authority by the SHA-256 of its certificate, so that whoever holds
 * one can verify the very first TLS connection without having seen the cluster before.
 *
 *     eterne-join-1.<base64url of 72 bytes>     admits one node, once, for a limited time
 *     eterne-api-1.<base64url of 72 bytes>      a bearer token of the API
 *
 *     offset  length  field
 *          0      32  SHA-256 of the authority's certificate (DER)
 *         32       8  token id: names the record on the cluster's side, not secret
 *         40      28  secret: 224 bits of chance; the cluster keeps only its SHA-256
 *         68       4  CRC-32C of bytes 0..67, little-endian: tells a typing error from a token that is no longer known
 *
 * The digit in the prefix is the format's version. Version 1: as above.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { assert, crc32c, EterneError } from '@eterne/base';
import type { Random } from '@eterne/runtime';

export type TokenKind = 'join' | 'api';

export interface Token {
  readonly kind: TokenKind;
  /** SHA-256 of the authority's certificate in DER, 32 bytes. */
  readonly authorityFingerprint: Buffer;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly secret: Buffer;
}

const FINGERPRINT_BYTES = 32;
const ID_BYTES = 8;
const SECRET_BYTES = 28;
const BODY_BYTES = FINGERPRINT_BYTES + ID_BYTES + SECRET_BYTES;
const PREFIX: Readonly<Record<TokenKind, string>> = { join: 'eterne-join-1.', api: 'eterne-api-1.' };
const TEXT = /^[A-Za-z0-9_-]{96}$/;

export function createToken(kind: TokenKind, authorityFingerprint: Buffer, random: Random): Token {
  assert(authorityFingerprint.length === FINGERPRINT_BYTES, 'a fingerprint is a SHA-256');
  return {
    kind,
    authorityFingerprint,
    id: random.bytes(ID_BYTES).toString('hex'),
    secret: random.bytes(SECRET_BYTES),
  };
}

export function encodeToken(token: Token): string {
  const bytes = Buffer.alloc(BODY_BYTES + 4);
  token.authorityFingerprint.copy(bytes, 0);
  bytes.write(token.id, FINGERPRINT_BYTES, 'hex');
  token.secret.copy(bytes, FINGERPRINT_BYTES + ID_BYTES);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, BODY_BYTES)), BODY_BYTES);
  return PREFIX[token.kind] + bytes.toString('base64url');
}

/** Throws `unauthorized` with a hint when `text` is not a token of this kind; says nothing about whether a cluster knows it. */
export function decodeToken(kind: TokenKind, text: string): Token {
  const body = text.trim();
  if (!body.startsWith(PREFIX[kind]))
    throw new EterneError('unauthorized', `this is not ${kind === 'join' ? 'a join' : 'an API'} token`, {
      hint: `it must begin with ${PREFIX[kind]}`,
    });
  const encoded = body.slice(PREFIX[kind].length);
  const bytes = TEXT.test(encoded) ? Buffer.from(encoded, 'base64url') : Buffer.alloc(0);
  if (
    bytes.length !== BODY_BYTES + 4 ||
    bytes.readUInt32LE(BODY_BYTES) !== crc32c(bytes.subarray(0, BODY_BYTES))
  )
    throw new EterneError('unauthorized', 'the token is incomplete or mistyped', {
      hint: 'copy it again, whole',
    });
  return {
    kind,
    authorityFingerprint: bytes.subarray(0, FINGERPRINT_BYTES),
    id: bytes.toString('hex', FINGERPRINT_BYTES, FINGERPRINT_BYTES + ID_BYTES),
    secret: bytes.subarray(FINGERPRINT_BYTES + ID_BYTES, BODY_BYTES),
  };
}

/** What the cluster keeps of a secret: hexadecimal SHA-256. Enough for 224 bits of chance; passwords need scrypt. */
export function hashSecret(secret: Buffer): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in constant time. */
export function secretMatches(secret: Buffer, hash: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = createHash('sha256').update(secret).digest();
  return expected.length === actual.length && timingSafeEqual(actual, expected);
}
