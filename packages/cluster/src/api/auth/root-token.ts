/**
 * Whoever can read a node's node.json holds the cluster key and with it every right; the API says so openly. `eterne … --dir DIR` makes
 * its bearer token from that key, so that root on a node works without an account, on every node, and also when the accounts are lost.
 */
import { hkdfSync } from 'node:crypto';
import type { Token } from '../../pki/token.ts';

export const ROOT_TOKEN_ID = '0000000000000000';
const SECRET_BYTES = 28;

export function rootToken(clusterKey: Buffer, authorityFingerprint: Buffer): Token {
  const secret = Buffer.from(hkdfSync('sha256', clusterKey, '', 'eterne root token 1', SECRET_BYTES));
  return { kind: 'api', authorityFingerprint, id: ROOT_TOKEN_ID, secret };
}
