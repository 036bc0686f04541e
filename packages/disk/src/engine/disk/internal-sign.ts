/**
 * The sign at the end of a device that holds its own metadata: where the metadata is. Its place follows from the volume's size in the
 * configuration, and somebody may change that: then the place named by it lies in the middle of the data, or behind everything, and reads as
 * zeroes. Without a sign the replica would be taken for a new one, and new metadata written over data.
 *
 * One sector of the last whole page, so that it is never torn, little-endian:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETERNEND` |
 * | 8 | 4 | CRC-32C of the sector with this field zero |
 * | 12 | 4 | version, 1 |
 * | 16 | 8 | where the metadata begins, bytes from the start of the device |
 *
 * It is a help, and no part of the metadata: without one (a device that ends right behind its metadata, has something else there, or was enlarged
 * since) the configuration is believed. One that names a place without metadata is an old one.
 */
import { EterneError, crc32c } from '@eterne/base';
import type { BlockStore, StoreDone, World } from '@eterne/runtime';
import { lengthen } from '../../grow-store.ts';
import { MARKER_OFFSET, PAGE_BYTES, SECTOR_BYTES } from '../../metadata/layout.ts';
import { decodeMarker } from '../../metadata/marker.ts';
import { decodeSuperblock } from '../../metadata/superblock.ts';
import { isZero } from '../../metadata/zero.ts';
import type { MetadataDone } from '../../metadata/api.ts';
import type { VolumeConfig } from '../api.ts';
import type { Region } from './region-store.ts';

const MAGIC = Buffer.from('ETERNEND', 'latin1');
const VERSION = 1;
const HEAD_BYTES = MARKER_OFFSET + PAGE_BYTES;

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

/**
 * Before a device with internal metadata is opened: is there metadata of another place than `expectedStart`? Error: `conflict`, and those of
 * `Stores.open` but `not-found`.
 */
export function checkSign(
  world: Pick<World, 'stores'>,
  { devicePath, diskTimeoutMs, name, sizeBytes }: VolumeConfig,
  expectedStart: number,
  done: MetadataDone,
): void {
  world.stores.open(devicePath, { timeoutMs: diskTimeoutMs, readOnly: true }, (device) => {
    if (device instanceof EterneError) return done(device.code === 'not-found' ? undefined : device);
    findOther(device, expectedStart, (start) =>
      device.close(() => {
        if (start === undefined) return done(undefined);
        const message = `${devicePath} has its metadata at byte ${start}, not behind the ${sizeBytes} bytes that volume ${name} is said to have`;
        const hint =
          'set the size in the configuration back to what it was; or, if nothing on the device counts, zero its last 4 KiB';
        done(new EterneError('conflict', message, { hint }));
      }),
    );
  });
}

/** What cannot be read is no sign: whoever opens the device next meets the error. */
function findOther(
  device: BlockStore,
  expectedStart: number,
  done: (start: number | undefined) => void,
): void {
  if (device.sizeBytes < HEAD_BYTES) return done(undefined);
  const page = Buffer.alloc(PAGE_BYTES);
  device.read(signOffset(device), page, (error) => {
    const start = error === undefined ? decodeSign(page) : undefined;
    const isElsewhere = start !== undefined && start !== expectedStart;
    if (!isElsewhere || start + HEAD_BYTES > device.sizeBytes) return done(undefined);
    const head = Buffer.alloc(HEAD_BYTES);
    device.read(start, head, (headError) =>
      done(headError === undefined && isMetadata(head) ? start : undefined),
    );
  });
}

/** Also such as is damaged. */
function isMetadata(head: Buffer): boolean {
  const slots = [head.subarray(0, PAGE_BYTES), head.subarray(PAGE_BYTES, 2 * PAGE_BYTES)];
  const isOurs = slots.map(decodeSuperblock).some(({ kind }) => kind !== 'empty' && kind !== 'foreign');
  return isOurs || decodeMarker(head.subarray(MARKER_OFFSET)) !== undefined;
}

/** Once the metadata is there. Nothing of anybody else is overwritten; a file gets room for it. */
export function putSign(device: BlockStore, { start, sizeBytes }: Region, done: StoreDone): void {
  const endBytes = start + sizeBytes;
  lengthen(device, endBytes + PAGE_BYTES, (noRoom) => {
    const offset = signOffset(device);
    if (noRoom !== undefined || offset < endBytes) return done(undefined);
    const page = Buffer.alloc(PAGE_BYTES);
    device.read(offset, page, (readError) => {
      if (readError !== undefined) return done(readError);
      const present = decodeSign(page);
      if (present === start || (present === undefined && !isZero(page))) return done(undefined);
      device.write(offset, encodeSign(start), (error) =>
        error === undefined ? device.flush(done) : done(error),
      );
    });
  });
}

function signOffset({ sizeBytes }: BlockStore): number {
  return (Math.floor(sizeBytes / PAGE_BYTES) - 1) * PAGE_BYTES;
}
