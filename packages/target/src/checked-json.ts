/** Small documents that must not be guessed when they are damaged: one JSON document in a line, and its CRC-32C in hexadecimal in the next. */
import { crc32c } from '@eterne/base';

export function encodeCheckedJson(value: unknown): Buffer {
  const document = JSON.stringify(value);
  return Buffer.from(`${document}\n${checksum(document)}\n`, 'utf8');
}

/** Undefined for what `encodeCheckedJson` has not written. */
export function decodeCheckedJson(bytes: Buffer): unknown {
  const [document = '', sum] = bytes.toString('utf8').split('\n');
  if (sum !== checksum(document)) return undefined;
  try {
    return JSON.parse(document);
  } catch {
    return undefined; // an empty document has a checksum too
  }
}

const checksum = (document: string): string =>
  crc32c(Buffer.from(document, 'utf8')).toString(16).padStart(8, '0');
