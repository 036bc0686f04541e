/**
 * The sign at the end of a device that holds its own metadata: where the metadata is (`internal-place.ts`). To write another place into it is what makes
 * metadata that has moved count (`move-metadata.ts`).
 *
 * One sector of the last whole page, so that it is never torn, little-endian:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETERNEND` |
 * | 8 | 4 | CRC-32C of the sector with this field zero |
 * | 12 | 4 | version, 1 |
 * | 16 | 8 | where the metadata begins, bytes from the start of the device |
 */
import { crc32c } from '@eterne/base';
import type { BlockStore, StoreDone } from '@eterne/runtime';
import { PAGE_BYTES, SECTOR_BYTES } from '../../metadata/layout.ts';
import { isZero } from '../../metadata/zero.ts';

const MAGIC = Buffer.from('ETERNEND', 'latin1');
const VERSION = 1;

export function encodeSign(start: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page);
  page.writeUInt32LE(VERSION, 12);
  page.writeBigUInt64LE(BigInt(start), 16);
  page.writeUInt32LE(crc32c(page.subarray(0, SECTOR_BYTES)), 8);
  return page;
}

/** Undefined when it is none. */
export function decodeSign(page: Buffer): number | undefined {
  const start = Number(page.readBigUInt64LE(16));
  return Number.isSafeInteger(start) && encodeSign(start).equals(page) ? start : undefined;
}

export function signOffset({ sizeBytes }: Pick<BlockStore, 'sizeBytes'>): number {
  return (Math.floor(sizeBytes / PAGE_BYTES) - 1) * PAGE_BYTES;
}

/** What cannot be read is no sign: whoever opens the device next meets the error. */
export function readSign(device: BlockStore, done: (start: number | undefined) => void): void {
  if (device.sizeBytes < PAGE_BYTES) return done(undefined);
  const page = Buffer.alloc(PAGE_BYTES);
  device.read(signOffset(device), page, (error) => done(error === undefined ? decodeSign(page) : undefined));
}

/**
 * Durably. What somebody else has there (a second partition table, say) stays: `EEXIST`; but not where `isNewEnd`: the device was enlarged while it was
 * open here, so its end belongs to nobody.
 */
export function putSign(device: BlockStore, start: number, isNewEnd: boolean, done: StoreDone): void {
  const page = Buffer.alloc(PAGE_BYTES);
  const offset = signOffset(device);
  device.read(offset, page, (readError) => {
    if (readError !== undefined) return done(readError);
    const present = decodeSign(page);
    if (present === start) return done(undefined);
    if (present === undefined && !isZero(page) && !isNewEnd) return done(occupied(offset));
    device.write(offset, encodeSign(start), (error) => {
      if (error === undefined) device.flush(done);
      else done(error);
    });
  });
}

function occupied(offset: number): Parameters<StoreDone>[0] {
  const message = `its last 4 KiB, where the place of the metadata is to be noted, hold something else; zero them (from byte ${offset} on) if nobody needs it`;
  return { kind: 'logical', errno: 'EEXIST', message };
}
