/**
 * One bitmap page's bytes. Pure. A page is eight sectors; a sector is 127 little-endian words of bits (bit i of word w is block
 * 32w + i of the sector) and the CRC-32C of those 508 bytes, seeded with the place they belong to. A sector without a set
 * bit is all zeroes, so that a hole in a sparse file reads as clean.
 *
 * A sector is written whole or not at all, so a torn page is a mix of old and new sectors, and each of them was right when
 * it was written (disk-format.md argues both directions). A sector that fails its checksum reads as all dirty.
 */
import { assert, crc32c } from '@eterne/base';
import { PAGE_BYTES, SECTOR_BYTES, SECTORS_PER_PAGE, WORDS_PER_PAGE, WORDS_PER_SECTOR } from './layout.ts';
import { isZero } from './zero.ts';

const BITS_BYTES = WORDS_PER_SECTOR * 4;
assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, 'bitmaps are handled as little-endian words');

/** `seed` ties the checksum to replica, slot and page (`pageSeed`). Writes all of `into` (one page). */
export function encodeBitmapPage(words: Uint32Array, seed: number, into: Buffer): void {
  assert(words.length === WORDS_PER_PAGE && into.length === PAGE_BYTES, 'whole pages');
  const bits = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  for (let sector = 0; sector < SECTORS_PER_PAGE; sector += 1) {
    const from = sector * BITS_BYTES;
    const to = sector * SECTOR_BYTES;
    bits.copy(into, to, from, from + BITS_BYTES);
    const target = into.subarray(to, to + BITS_BYTES);
    into.writeUInt32LE(isZero(target) ? 0 : crc32c(target, seed + sector), to + BITS_BYTES);
  }
}

/** The page's words, or undefined when it is clean. Sectors that fail their check come back with every bit set. */
export function decodeBitmapPage(page: Buffer, seed: number): Uint32Array | undefined {
  assert(page.length === PAGE_BYTES, 'whole pages');
  if (isZero(page)) return undefined;
  const words = new Uint32Array(WORDS_PER_PAGE);
  const bits = Buffer.from(words.buffer);
  for (let sector = 0; sector < SECTORS_PER_PAGE; sector += 1) {
    const bytes = page.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
    if (isZero(bytes)) continue;
    const stored = bytes.subarray(0, BITS_BYTES);
    const sound = crc32c(stored, seed + sector) === bytes.readUInt32LE(BITS_BYTES);
    if (sound) stored.copy(bits, sector * BITS_BYTES);
    else bits.fill(0xff, sector * BITS_BYTES, (sector + 1) * BITS_BYTES);
  }
  return words;
}

/** The checksum seed of a page; sectors add their number to it. */
export function pageSeed(replicaUuid: string, slot: number, page: number): number {
  return (crc32c(Buffer.from(`${replicaUuid}/${slot}/${page}`)) & 0x7fff_ffff) >>> 0;
}
