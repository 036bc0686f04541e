/**
 * Where on a heartbeat disk what is. From byte 65536, in sectors of 4096 bytes:
 *
 *     sector 0       header
 *     sector 1 + s   slot of the node with slot number s (0–63), `slot.ts`
 *
 * What is before belongs to a tie-breaker on the same disk (raft/tie/block.ts), or to nobody. The header, little-endian:
 *
 *     0   8  magic "ETERNHBD"
 *     8   4  version: 1
 *    12   4  CRC-32C of everything after it
 *    16  16  disk id: random when the disk was taken into use; the cluster's state holds it too
 *    32  36  the cluster's UUID, as text
 *     …      zeroes
 *
 * Version 1: the first.
 */
import { assert, crc32c, EterneError } from '@eterne/base';
import { SHARED_SECTOR_BYTES } from '@eterne/runtime';
import { isTieSector, TIE_AREA_BYTES } from '../../raft/tie/block.ts';
import { isBlank } from './slot.ts';

const MAGIC = Buffer.from('ETERNHBD');
const VERSION = 1;
const CHECKED_FROM = 16;
const CLUSTER_FROM = 32;
const CLUSTER_BYTES = 36;

export const SLOTS_MAX = 64;
export const BOARD_FROM = 64 * 1024;
export const BOARD_END = BOARD_FROM + (1 + SLOTS_MAX) * SHARED_SECTOR_BYTES;
export const DISK_ID_BYTES = 16;

export interface BoardHeader {
  /** 32 hexadecimal digits. */
  readonly diskId: string;
  readonly clusterId: string;
}

export function slotOffset(slot: number): number {
  assert(slot >= 0 && slot < SLOTS_MAX, 'a slot of the board');
  return BOARD_FROM + (1 + slot) * SHARED_SECTOR_BYTES;
}

export function encodeBoardHeader({ diskId, clusterId }: BoardHeader): Buffer {
  assert(Buffer.byteLength(clusterId) === CLUSTER_BYTES, 'a cluster is named by a UUID');
  const sector = Buffer.alloc(SHARED_SECTOR_BYTES);
  MAGIC.copy(sector);
  sector.writeUInt32LE(VERSION, 8);
  sector.write(diskId, 16, 'hex');
  sector.write(clusterId, CLUSTER_FROM);
  sector.writeUInt32LE(crc32c(sector.subarray(CHECKED_FROM)), 12);
  return sector;
}

/** Undefined for what is no header, or one of an unknown version. */
export function decodeBoardHeader(sector: Buffer): BoardHeader | undefined {
  if (!sector.subarray(0, MAGIC.length).equals(MAGIC) || sector.readUInt32LE(8) !== VERSION) return undefined;
  if (sector.readUInt32LE(12) !== crc32c(sector.subarray(CHECKED_FROM))) return undefined;
  const end = CLUSTER_FROM + CLUSTER_BYTES;
  return { diskId: sector.toString('hex', 16, 32), clusterId: sector.toString('utf8', CLUSTER_FROM, end) };
}

/** Nothing of anybody would be overwritten: `area` is everything up to `BOARD_END`. */
export function isFree(area: Buffer): boolean {
  assert(area.length === BOARD_END, 'the whole area');
  return isFreeBefore(area) && isBlank(area.subarray(BOARD_FROM));
}

/** What a tie-breaker looks at before it takes a disk: up to the board's header. Every usual file system, volume manager and partition table shows there. */
export const TIE_LOOK_BYTES = BOARD_FROM + SHARED_SECTOR_BYTES;

/** As `isFree`, for a tie-breaker, which a heartbeat disk has room for. */
export function isFreeForTie(area: Buffer): boolean {
  assert(area.length === TIE_LOOK_BYTES, 'the whole area');
  const header = area.subarray(BOARD_FROM);
  return isFreeBefore(area) && (isBlank(header) || header.subarray(0, MAGIC.length).equals(MAGIC));
}

/** Neither a heartbeat disk nor a tie-breaker takes what it did not write. */
export function occupied(device: string, what: string, lengthBytes: number): EterneError {
  const hint = `if nothing on it is needed, clear it: dd if=/dev/zero of=${device} bs=${lengthBytes} count=1 conv=notrunc`;
  return new EterneError('refused', `${device} ${what}`, { hint });
}

export const NOT_EMPTY = "is not empty: it may hold somebody's data";

function isFreeBefore(area: Buffer): boolean {
  for (let at = 0; at < TIE_AREA_BYTES; at += SHARED_SECTOR_BYTES) {
    const sector = area.subarray(at, at + SHARED_SECTOR_BYTES);
    if (!isTieSector(sector) && !isBlank(sector)) return false;
  }
  return isBlank(area.subarray(TIE_AREA_BYTES, BOARD_FROM));
}
