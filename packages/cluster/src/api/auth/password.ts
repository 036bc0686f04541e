/**
 * Passwords at rest: `scrypt$N$r$p$salt$hash`, salt and hash in base64 (RFC 7914). The cost asks for 16 MiB and about a fifth of a second; more memory
 * would be felt on a small server. Hashing runs on the same few threads as the log's fsync, so at most one hash is computed at a time and
 * only a few may wait: a flood of log-ins must not slow the cluster down.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { EterneError } from '@eterne/base';
import type { Random } from '@eterne/runtime';

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const COST: Cost = { N: 2 ** 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const WAITING_MAX = 8;
const FORMAT = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{1,88})\$([A-Za-z0-9+/=]{1,88})$/;
/** Compared against when the account does not exist, so that both take the same time. */
const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${'A'.repeat(22)}==$${'A'.repeat(43)}=`;

export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = random.bytes(SALT_BYTES);
  const hash = await derive(password, salt, COST, HASH_BYTES);
  const { N, r, p } = COST;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** False for a wrong password and, after the same time, for `stored` null. Throws `busy` when too many wait, `corrupt` for a malformed hash. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const [, N, r, p, salt, hash] = FORMAT.exec(stored ?? NOBODY) ?? [];
  if (salt === undefined || hash === undefined)
    throw new EterneError('corrupt', 'a stored password hash is malformed');
  const expected = Buffer.from(hash, 'base64');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await derive(password, Buffer.from(salt, 'base64'), cost, expected.length);
  return timingSafeEqual(actual, expected) && stored !== null;
}

let waiting = 0;
let queue: Promise<unknown> = Promise.resolve();

function derive(password: string, salt: Buffer, cost: Cost, lengthBytes: number): Promise<Buffer> {
  if (waiting >= WAITING_MAX)
    throw new EterneError('busy', 'too many log-ins at once', { hint: 'try again in a few seconds' });
  waiting += 1;
  const result = queue.then(() => deriveNow(password, salt, cost, lengthBytes));
  queue = result.then(leave, leave);
  return result;
}

function leave(): void {
  waiting -= 1;
}

function deriveNow(password: string, salt: Buffer, cost: Cost, lengthBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, lengthBytes, cost, (error, hash) => {
      if (error) reject(error);
      else resolve(hash);
    });
  });
}
