/**
 * The creation marker: one sector that tells an interrupted creation (start again) from a store whose superblocks are
 * both lost (refuse). It is written whole or not at all, first as `creating`, last as `created`.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETERNBRT` |
 * | 8 | 4 | CRC-32C of the sector with this field zero |
 * | 12 | 4 | 1 creating, 2 created |
 */
import { crc32c } from '@eterne/base';
import { PAGE_BYTES, SECTOR_BYTES } from './layout.ts';

const MAGIC = Buffer.from('ETERNBRT', 'latin1');
const STAGES = ['creating', 'created'] as const;
export type CreationStage = (typeof STAGES)[number];

/** The marker's page; all but its first sector is zero. */
export function encodeMarker(stage: CreationStage): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page);
  page.writeUInt32LE(1 + STAGES.indexOf(stage), 12);
  page.writeUInt32LE(crc32c(page.subarray(0, SECTOR_BYTES)), 8);
  return page;
}

/** Undefined when the sector holds no marker. */
export function decodeMarker(page: Buffer): CreationStage | undefined {
  return STAGES.find((stage) => encodeMarker(stage).equals(page));
}
