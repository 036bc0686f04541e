/**
 * Text keys (RFC 7143 §6.1): `key=value` pairs, each ended by a zero byte. Pure.
 * A key may be used once in a negotiation; what is malformed, repeated or too long throws `protocol`.
 */
import { EterneError } from '@eterne/base';
import { MAX_KEYS, MAX_KEY_NAME_BYTES, MAX_VALUE_BYTES } from './limits.ts';

export type TextKeys = ReadonlyMap<string, string>;

const KEY_NAME = /^[A-Z][A-Za-z0-9.+@_-]*$/;

export function decodeText(bytes: Buffer): TextKeys {
  const keys = new Map<string, string>();
  if (bytes.length === 0) return keys;
  if (bytes.at(-1) !== 0) throw new EterneError('protocol', 'text keys do not end with a zero byte');
  for (const pair of bytes.toString('utf8', 0, bytes.length - 1).split('\0')) {
    // Some initiators pad the text with zero bytes inside the data segment.
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0));
    const value = pair.slice(equals + 1);
    if (name.length > MAX_KEY_NAME_BYTES || !KEY_NAME.test(name))
      throw new EterneError('protocol', 'malformed text key');
    if (value.length > MAX_VALUE_BYTES) throw new EterneError('protocol', `the value of ${name} is too long`);
    if (keys.has(name)) throw new EterneError('protocol', `${name} is given twice`);
    if (keys.size === MAX_KEYS) throw new EterneError('protocol', `more than ${MAX_KEYS} text keys`);
    keys.set(name, value);
  }
  return keys;
}

/** Pairs rather than a map: answers to SendTargets repeat their keys. */
export function encodeText(pairs: Iterable<readonly [string, string]>): Buffer {
  let text = '';
  for (const [name, value] of pairs) text += `${name}=${value}\0`;
  return Buffer.from(text, 'utf8');
}
