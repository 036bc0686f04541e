import { createHash } from 'node:crypto';
import { assert } from '@eterne/base';
import type { Uuid } from './api.ts';

export const UUID_BYTES = 16;
const TEXT_LENGTH = 36;
const DASH = '-'.charCodeAt(0);
const NINE = '9'.charCodeAt(0);
const TEXT_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return TEXT_FORM.test(text);
}

/** Writes the 16 bytes of `uuid` in the order of its text form (RFC 9562 §4). */
export function writeUuid(into: Buffer, offset: number, uuid: Uuid): void {
  assert(isUuid(uuid), `not a uuid: ${uuid}`);
  let at = offset;
  for (let i = 0; i < TEXT_LENGTH; i += 2) {
    if (uuid.charCodeAt(i) === DASH) i += 1;
    into[at] = (nibble(uuid.charCodeAt(i)) << 4) | nibble(uuid.charCodeAt(i + 1));
    at += 1;
  }
}

/** Of a lower-case hexadecimal digit's code: letters begin 39 places above where they would follow the digits. */
function nibble(code: number): number {
  return code - (code > NINE ? 87 : 48);
}

export function readUuid(from: Buffer, offset: number): Uuid {
  const hex = from.toString('hex', offset, offset + UUID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A UUID (RFC 9562 version 8) that both sides of a link derive from the same words without talking. */
export function derivedUuid(...words: readonly string[]): Uuid {
  const bytes = createHash('sha256').update(words.join('\n')).digest().subarray(0, UUID_BYTES);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return readUuid(bytes, 0);
}
