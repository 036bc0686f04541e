/**
 * Key pairs of certificates: ECDSA on P-256 with SHA-256, which every TLS 1.3 peer and browser speaks. Keys are made by the
 * platform's WebCrypto, the one use of chance that does not go through the `Random` port: a key must never be replayable.
 */
import { webcrypto } from 'node:crypto';
import { PemConverter } from './x509.ts';

export type CryptoKey = webcrypto.CryptoKey;

export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const;

export function createKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

/** PKCS #8 in PEM. */
export async function exportPrivateKey(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** The inverse of `exportPrivateKey`. */
export function importPrivateKey(pem: string): Promise<CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), KEY_ALGORITHM, false, ['sign']);
}
