/**
 * What clients write: every 512-byte sector carries the id of the write that made it and its own number, so that one look at a
 * sector, on any disk or in any answer, tells which write it is of. Zeroes are the value 0: never written, or discarded.
 */
import { BLANK, type Page, SECTOR_BYTES } from '../world/page.ts';

export const ZERO = 0;
/** Neither zeroes nor the sector of any write: torn, misplaced or somebody's freed memory. */
export const FOREIGN = -1;

const MAGIC = 0x4e524554;
const COPIES = [0, SECTOR_BYTES / 2, SECTOR_BYTES - 16] as const;

/** `writeId` ≥ 1. */
export function stampedSectors(writeId: number, firstSector: number, count: number): Buffer {
  const data = Buffer.alloc(count * SECTOR_BYTES, writeId & 0xff);
  for (let i = 0; i < count; i += 1)
    for (const copy of COPIES) {
      const at = i * SECTOR_BYTES + copy;
      data.writeUInt32LE(MAGIC, at);
      data.writeUInt32LE(writeId, at + 4);
      data.writeUInt32LE(firstSector + i, at + 8);
      data.writeUInt32LE((writeId ^ (firstSector + i) ^ MAGIC) >>> 0, at + 12);
    }
  return data;
}

/** The write id of the sector at `at` of `data`, `ZERO` or `FOREIGN`. */
export function valueOf(data: Buffer, at: number, sector: number): number {
  const first = data.readUInt32LE(at);
  if (first === 0) {
    for (const copy of COPIES) if (data.readUInt32LE(at + copy + 4) !== 0) return FOREIGN;
    return ZERO;
  }
  const writeId = data.readUInt32LE(at + 4);
  for (const copy of COPIES) {
    const start = at + copy;
    if (data.readUInt32LE(start) !== MAGIC) return FOREIGN;
    if (data.readUInt32LE(start + 4) !== writeId || data.readUInt32LE(start + 8) !== sector) return FOREIGN;
    if (data.readUInt32LE(start + 12) !== (writeId ^ sector ^ MAGIC) >>> 0) return FOREIGN;
  }
  return writeId;
}

/** The value of a sector of a disk's page. */
export function valueIn(page: Page, sector: number): number {
  return page === BLANK ? ZERO : page.reading(sector, valueOf);
}
