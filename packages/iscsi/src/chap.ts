/** CHAP for iSCSI (RFC 1994, RFC 7143 §12.1.3). Pure but for the hash. */
import { createHash, getHashes, timingSafeEqual } from 'node:crypto';

/** CHAP_A numbers (IANA "PPP Authentication Algorithms") and the names that node:crypto knows them by. */
const ALGORITHMS = [
  { number: 8, hash: 'sha3-256' },
  { number: 7, hash: 'sha256' },
  { number: 6, hash: 'sha1' },
  { number: 5, hash: 'md5' },
] as const;

/** RFC 7143 §12.1.3 asks for at least as many bits as the secret has; also short secrets are taken, for the network may be a private one. */
export const CHALLENGE_BYTES = 32;
const MAX_CHALLENGE_BYTES = 1024;

/** The first of the initiator's algorithms that this build of Node.js has, in the initiator's order of preference. */
export function chooseAlgorithm(
  offered: string,
): { readonly number: number; readonly hash: string } | undefined {
  const available = new Set(getHashes());
  for (const text of offered.split(',').slice(0, 16)) {
    const found = ALGORITHMS.find(({ number, hash }) => String(number) === text && available.has(hash));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** RFC 1994 §4.1: hash of (identifier, secret, challenge). */
export function chapResponse(hash: string, identifier: number, secret: string, challenge: Buffer): Buffer {
  return createHash(hash)
    .update(Buffer.from([identifier]))
    .update(secret, 'utf8')
    .update(challenge)
    .digest();
}

export function sameResponse(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

export const encodeBinary = (bytes: Buffer): string => `0x${bytes.toString('hex')}`;

/** RFC 7143 §6.1 binary values: `0x…` or `0b` and base64. Undefined when malformed, empty or longer than 1024 bytes. */
export function decodeBinary(text: string): Buffer | undefined {
  const digits = text.slice(2);
  if (digits.length > 2 * MAX_CHALLENGE_BYTES) return undefined;
  const bytes = /^0[xX][0-9a-fA-F]+$/.test(text)
    ? Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
    : /^0[bB][A-Za-z0-9+/]+={0,2}$/.test(text)
      ? Buffer.from(digits, 'base64')
      : undefined;
  return bytes !== undefined && bytes.length > 0 && bytes.length <= MAX_CHALLENGE_BYTES ? bytes : undefined;
}
