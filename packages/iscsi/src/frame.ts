/** One whole PDU in one buffer, for everything that is not on the hot path (the target's is in `target/session/output.ts`). */
import { crc32c } from '@eterne/base';
import type { Digests } from './decoder.ts';
import { BHS_BYTES, DIGEST_BYTES } from './limits.ts';

export const paddedBytes = (lengthBytes: number): number => (lengthBytes + 3) & ~3;

export function frame<Fields>(
  write: (into: Buffer, at: number, fields: Fields) => void,
  fields: Fields,
  data: Buffer,
  digests: Digests = { header: false, data: false },
): Buffer {
  const headerBytes = BHS_BYTES + (digests.header ? DIGEST_BYTES : 0);
  const dataBytes = paddedBytes(data.length);
  const withDataDigest = digests.data && dataBytes > 0;
  const pdu = Buffer.alloc(headerBytes + dataBytes + (withDataDigest ? DIGEST_BYTES : 0));
  write(pdu, 0, fields);
  pdu.writeUIntBE(data.length, 5, 3);
  if (digests.header) pdu.writeUInt32LE(crc32c(pdu.subarray(0, BHS_BYTES)), BHS_BYTES);
  data.copy(pdu, headerBytes);
  if (withDataDigest)
    pdu.writeUInt32LE(crc32c(pdu.subarray(headerBytes, headerBytes + dataBytes)), headerBytes + dataBytes);
  return pdu;
}
