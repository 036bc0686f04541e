/**
 * One record of the ledger: a 512-byte slot, so that a power failure leaves it old or new and never mixed. Little-endian.
 * ```
 *    0  u32  magic "LEDG"
 *    4  u32  CRC-32C of bytes 8..511
 *    8  u64  number, from 0; record N is slot N of the volume
 *   16  u32  CRC-32C field of the record before (0 for the first): a left-over from an earlier life does not fit the chain
 *   20  u16  payload length
 *   22  payload (UTF-8), then zeroes
 * ```
 */
import { assert, crc32c } from '@eterne/base';

export const RECORD_BYTES = 512;
export const PAYLOAD_BYTES_MAX = RECORD_BYTES - 22;
const MAGIC = 0x4744454c;

export interface LedgerRecord {
  readonly number: number;
  readonly checksum: number;
  readonly previousChecksum: number;
  readonly payload: string;
}

/** Encodes into the slot at `at`; returns the record's checksum. */
export function encodeRecord(
  into: Buffer,
  at: number,
  number: number,
  previousChecksum: number,
  payload: Buffer,
): number {
  assert(payload.length <= PAYLOAD_BYTES_MAX, 'payload fits its slot');
  const slot = into.subarray(at, at + RECORD_BYTES).fill(0);
  slot.writeUInt32LE(MAGIC, 0);
  slot.writeBigUInt64LE(BigInt(number), 8);
  slot.writeUInt32LE(previousChecksum, 16);
  slot.writeUInt16LE(payload.length, 20);
  payload.copy(slot, 22);
  const checksum = crc32c(slot.subarray(8));
  slot.writeUInt32LE(checksum, 4);
  return checksum;
}

/** Undefined when the slot holds no whole record. */
export function decodeRecord(slot: Buffer): LedgerRecord | undefined {
  const lengthBytes = slot.readUInt16LE(20);
  const checksum = slot.readUInt32LE(4);
  if (
    slot.readUInt32LE(0) !== MAGIC ||
    lengthBytes > PAYLOAD_BYTES_MAX ||
    crc32c(slot.subarray(8)) !== checksum
  ) {
    return undefined;
  }
  return {
    number: Number(slot.readBigUInt64LE(8)),
    checksum,
    previousChecksum: slot.readUInt32LE(16),
    payload: slot.toString('utf8', 22, 22 + lengthBytes),
  };
}
