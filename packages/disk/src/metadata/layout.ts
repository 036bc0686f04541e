/**
 * Where everything is in a metadata store; `docs/internals/disk-format.md` has the picture. All offsets are bytes from
 * the start of the metadata region and multiples of 4 KiB, so that the same region can lie at the end of a data
 * store (`internal`) behind a store port that shifts offsets.
 */
import { KIB, MIB, assert } from '@eterne/base';
import { BLOCK_BYTES, EXTENT_BYTES, MAX_PEERS } from './api.ts';

export const PAGE_BYTES = 4 * KIB;
/** What a disk writes whole or not at all when power fails (`BlockStore`). */
export const SECTOR_BYTES = 512;

export const SUPERBLOCK_SLOTS = 2;
export const MARKER_OFFSET = 8 * KIB;
/** Says that checksums are kept (`engine/disk/checksums/checksums.ts`). */
export const CHECKSUM_MARKER_OFFSET = 12 * KIB;
export const LOG_OFFSET = 64 * KIB;
/** Transactions in the activity log's ring, one page each. */
export const LOG_RING_PAGES = 64;
/** Bad-block remap table (two slots of a page) and its spare blocks. */
export const REMAP_OFFSET = 1 * MIB;
export const REMAP_BYTES = 1 * MIB;
export const GROUPS_OFFSET = 2 * MIB;

/** A sector of a bitmap page: 127 words of bits, then its checksum. */
export const WORDS_PER_SECTOR = 127;
export const SECTORS_PER_PAGE = PAGE_BYTES / SECTOR_BYTES;
export const WORDS_PER_PAGE = WORDS_PER_SECTOR * SECTORS_PER_PAGE;
/** 32 512 blocks: 127 MiB of volume. */
export const BLOCKS_PER_PAGE = WORDS_PER_PAGE * 32;

/**
 * What is kept per block lies in *groups*, each for 508 MiB of volume, one after the other: when a volume grows, groups are added at the end
 * and nothing moves. In a group come the pages of each bitmap, then those of the undefined map, then the checksums.
 */
export const PAGES_PER_GROUP = 4;
/** The bitmaps of the peers, and the undefined-block map behind them. */
const MAPS = MAX_PEERS + 1;
/** CRC-32C of 4 bytes for each of the blocks of one bitmap page, rounded up to whole pages. */
export const CHECKSUM_PAGES_PER_PAGE = Math.ceil((BLOCKS_PER_PAGE * 4) / PAGE_BYTES);
export const GROUP_BYTES = PAGES_PER_GROUP * (MAPS + CHECKSUM_PAGES_PER_PAGE) * PAGE_BYTES;

/**
 * Default size of the hot set: 4.8 GiB. It bounds the resync after a crash (about five seconds on a disk that copies 1 GB/s) and holds the
 * working set of a busy database, so that log transactions are rare.
 */
export const DEFAULT_LOG_SLOTS = 1237;
export const MAX_LOG_SLOTS = 32_768;

/** Numbers are safe integers, and one bitmap's page table stays small. */
export const MAX_VOLUME_BYTES = 2 ** 50;

export interface Layout {
  readonly volumeBytes: number;
  readonly blockCount: number;
  readonly extentCount: number;
  readonly pagesPerBitmap: number;
  readonly groupCount: number;
  readonly totalBytes: number;
}

export function layoutOf(volumeBytes: number): Layout {
  assert(
    Number.isSafeInteger(volumeBytes) && volumeBytes > 0 && volumeBytes <= MAX_VOLUME_BYTES,
    `volume size out of range: ${volumeBytes}`,
  );
  const blockCount = Math.ceil(volumeBytes / BLOCK_BYTES);
  const pagesPerBitmap = Math.ceil(blockCount / BLOCKS_PER_PAGE);
  const groupCount = Math.ceil(pagesPerBitmap / PAGES_PER_GROUP);
  return {
    volumeBytes,
    blockCount,
    extentCount: Math.ceil(volumeBytes / EXTENT_BYTES),
    pagesPerBitmap,
    groupCount,
    totalBytes: GROUPS_OFFSET + groupCount * GROUP_BYTES,
  };
}

/** Bytes that the metadata of a volume of this size takes; sparse while the volume is clean. */
export function metadataBytes(volumeBytes: number): number {
  return layoutOf(volumeBytes).totalBytes;
}

/** The slot of the undefined-block map, which has the form of a bitmap. */
export const UNDEFINED_SLOT = MAX_PEERS;

/** Page `page` of the bitmap in peer slot `slot`, or of the undefined-block map. */
export function bitmapPageOffset(layout: Layout, slot: number, page: number): number {
  assert(slot >= 0 && slot <= UNDEFINED_SLOT, 'slot in range');
  assert(page >= 0 && page < layout.pagesPerBitmap, 'page in range');
  return groupOffset(page) + (slot * PAGES_PER_GROUP + (page % PAGES_PER_GROUP)) * PAGE_BYTES;
}

/** The checksums of the blocks of bitmap page `page`: `CHECKSUM_PAGES_PER_PAGE` pages in a row. */
export function checksumsOffset(layout: Layout, page: number): number {
  assert(page >= 0 && page < layout.pagesPerBitmap, 'page in range');
  const inGroup = MAPS * PAGES_PER_GROUP + (page % PAGES_PER_GROUP) * CHECKSUM_PAGES_PER_PAGE;
  return groupOffset(page) + inGroup * PAGE_BYTES;
}

function groupOffset(page: number): number {
  return GROUPS_OFFSET + Math.floor(page / PAGES_PER_GROUP) * GROUP_BYTES;
}
