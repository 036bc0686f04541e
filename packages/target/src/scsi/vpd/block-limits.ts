/** Page B0h (SBC-3 §6.6.3): what fits in one command. */
import {
  MAX_ATOMIC_BYTES,
  MAX_COMPARE_AND_WRITE_BLOCKS,
  MAX_TRANSFER_BYTES,
  MAX_UNMAP_BLOCKS,
  MAX_UNMAP_DESCRIPTORS,
  MAX_WRITE_SAME_BLOCKS,
  PHYSICAL_BLOCK_BYTES,
} from '../../limits.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { writeLba } from '../range.ts';

const BODY_BYTES = 0x3c;
/** A WRITE SAME of zero blocks ("up to the end") is refused. */
const WSNZ_BIT = 0x01;
const UGAVALID_BIT = 0x8000_0000;

export function blockLimits(unit: LogicalUnit): Buffer {
  const page = Buffer.alloc(4 + BODY_BYTES);
  const { physicalBlockBytes = unit.blockBytes } = unit.attributes;
  const granularity = PHYSICAL_BLOCK_BYTES / unit.blockBytes;
  page.writeUInt8(WSNZ_BIT, 4);
  page.writeUInt8(MAX_COMPARE_AND_WRITE_BLOCKS, 5);
  // OPTIMAL TRANSFER LENGTH GRANULARITY
  page.writeUInt16BE(Math.max(granularity, physicalBlockBytes / unit.blockBytes), 6);
  page.writeUInt32BE(MAX_TRANSFER_BYTES / unit.blockBytes, 8);
  page.writeUInt32BE(MAX_TRANSFER_BYTES / unit.blockBytes, 12);
  if (unit.attributes.thin) {
    page.writeUInt32BE(MAX_UNMAP_BLOCKS, 20);
    page.writeUInt32BE(MAX_UNMAP_DESCRIPTORS, 24);
    page.writeUInt32BE(granularity, 28);
    page.writeUInt32BE(UGAVALID_BIT, 32);
  }
  writeLba(page, 36, MAX_WRITE_SAME_BLOCKS);
  if (unit.attributes.atomic !== undefined) {
    page.writeUInt32BE(MAX_ATOMIC_BYTES / unit.blockBytes, 44);
    page.writeUInt32BE(granularity, 48); // ATOMIC ALIGNMENT
    page.writeUInt32BE(granularity, 52); // ATOMIC TRANSFER LENGTH GRANULARITY
  }
  return page.subarray(4);
}
