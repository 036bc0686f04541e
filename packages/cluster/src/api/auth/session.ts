/**
 * A log-in's cookie, valid on every node because it is only signed, not stored:
 *
 *     base64url(JSON {"user","expiresAtMs","stamp"}) "." base64url(HMAC-SHA256 of the first part)
 *
 * The key is derived from the cluster key. `stamp` is taken from the account's password hash: a new password ends every older session,
 * removing the account ends them all. The role is looked up at every request and therefore not in here.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Account } from '../../state/model.ts';

export const SESSION_LIFETIME_MS = 12 * 3_600_000;
const TEXT_MAX_CHARS = 1024;

export class Sessions {
  readonly #key: Buffer;

  constructor(clusterKey: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', clusterKey, '', 'eterne session 1', 32));
  }

  issue(account: Account, nowMs: number): string {
    const claims = { user: account.name, expiresAtMs: nowMs + SESSION_LIFETIME_MS, stamp: stampOf(account) };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** The account that `text` was issued to; undefined when it is forged, over, or the account has changed. */
  verify(text: string, accounts: Readonly<Record<string, Account>>, nowMs: number): Account | undefined {
    const [body = '', signature = '', ...rest] = text.slice(0, TEXT_MAX_CHARS).split('.');
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#sign(body);
    if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected))
      return undefined;
    // Signed by us, so it has the shape that `issue` wrote.
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as {
      user: string;
      expiresAtMs: number;
      stamp: string;
    };
    const account = Object.hasOwn(accounts, claims.user) ? accounts[claims.user] : undefined;
    return account && claims.expiresAtMs > nowMs && claims.stamp === stampOf(account) ? account : undefined;
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}

function stampOf(account: Account): string {
  return createHash('sha256')
    .update(account.passwordHash ?? '')
    .digest('base64url')
    .slice(0, 16);
}
