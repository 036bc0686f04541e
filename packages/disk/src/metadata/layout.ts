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
export const LOG_OFFSET = 64 * KIB;
/** Transactions in the activity log's ring, one page each. */
export const LOG_RING_PAGES = 64;
export const BITMAPS_OFFSET = 1 * MIB;
export const REMAP_BYTES = 1 * MIB;

/** A sector of a bitmap page: 127 words of bits, then its checksum. */
export const WORDS_PER_SECTOR = 127;
export const SECTORS_PER_PAGE = PAGE_BYTES / SECTOR_BYTES;
export const WORDS_PER_PAGE = WORDS_PER_SECTOR * SECTORS_PER_PAGE;
/** 32 512 blocks: 127 MiB of volume. */
export const BLOCKS_PER_PAGE = WORDS_PER_PAGE * 32;

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
  /** One bit per block: initialised? Reserved; reads as zeroes. */
  readonly undefinedMapOffset: number;
  /** Bad-block remap table. Reserved; reads as zeroes. */
  readonly remapOffset: number;
  readonly totalBytes: number;
}

export function layoutOf(volumeBytes: number): Layout {
  assert(
    Number.isSafeInteger(volumeBytes) && volumeBytes > 0 && volumeBytes <= MAX_VOLUME_BYTES,
    `volume size out of range: ${volumeBytes}`,
  );
  const blockCount = Math.ceil(volumeBytes / BLOCK_BYTES);
  const pagesPerBitmap = Math.ceil(blockCount / BLOCKS_PER_PAGE);
  const undefinedMapOffset = BITMAPS_OFFSET + MAX_PEERS * pagesPerBitmap * PAGE_BYTES;
  const remapOffset = undefinedMapOffset + pagesPerBitmap * PAGE_BYTES;
  return {
    volumeBytes,
    blockCount,
    extentCount: Math.ceil(volumeBytes / EXTENT_BYTES),
    pagesPerBitmap,
    undefinedMapOffset,
    remapOffset,
    totalBytes: remapOffset + REMAP_BYTES,
  };
}

/** Bytes that the metadata of a volume of this size takes; sparse while the volume is clean. */
export function metadataBytes(volumeBytes: number): number {
  return layoutOf(volumeBytes).totalBytes;
}

/** Page `page` of the bitmap in peer slot `slot`. */
export function bitmapPageOffset(layout: Layout, slot: number, page: number): number {
  assert(slot >= 0 && slot < MAX_PEERS && page >= 0 && page < layout.pagesPerBitmap, 'bitmap page in range');
  return BITMAPS_OFFSET + (slot * layout.pagesPerBitmap + page) * PAGE_BYTES;
}
