/**
 * Which blocks of the data store are bad and live in the spare area instead. The table is one page, kept in two slots that are written in
 * turn; behind them come the spare blocks.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETERNRM1` |
 * | 8 | 4 | CRC-32C of the page with this field zero, seeded with the CRC-32C of the replica uuid |
 * | 12 | 4 | zero |
 * | 16 | 8 | sequence; slot = sequence mod 2 |
 * | 64 | 254 · 8 | one entry per spare block: block number + 1 (6 bytes; 0: free, all ones: this spare block is bad), good sectors (1 byte, a bit each), zero (1 byte) |
 *
 * All other bytes are zero; a table that was never written is all zeroes.
 */
import { EterneError, assert, crc32c } from '@eterne/base';
import { BLOCK_BYTES } from './api.ts';
import { PAGE_BYTES, REMAP_BYTES, REMAP_OFFSET, SECTOR_BYTES } from './layout.ts';
import { isZero } from './zero.ts';

const MAGIC = Buffer.from('ETERNRM1', 'latin1');
const ENTRIES_OFFSET = 64;
const ENTRY_BYTES = 8;
const SLOTS = 2;
export const SPARE_BLOCKS = REMAP_BYTES / PAGE_BYTES - SLOTS;
const BAD_SPARE = 2 ** 48 - 1;
const ALL_SECTORS = 2 ** (BLOCK_BYTES / SECTOR_BYTES) - 1;

export interface Spare {
  /** Where its block is, from the start of the metadata region. */
  readonly offset: number;
  readonly block: number;
}

interface Entry {
  block: number | 'bad';
  goodSectors: number;
}

export class RemapTable {
  readonly #seed: number;
  readonly #entries: (Entry | undefined)[];
  readonly #spareOf = new Map<number, number>();
  readonly #held = new Set<number>();
  #sequence: number;
  #revision = 0;
  #encodedRevision = 0;

  private constructor(seed: number, sequence: number, entries: (Entry | undefined)[]) {
    this.#seed = seed;
    this.#sequence = sequence;
    this.#entries = entries;
    entries.forEach((entry, index) => {
      if (entry !== undefined && entry.block !== 'bad') this.#spareOf.set(entry.block, index);
    });
  }

  /** `corrupt` when both slots are damaged. */
  static decode(slots: readonly Buffer[], replicaUuid: string): RemapTable | EterneError {
    const seed = crc32c(Buffer.from(replicaUuid, 'latin1'));
    const good = slots.filter((page) => isGood(page, seed));
    const newest = good.reduce<Buffer | undefined>(
      (best, page) => (best === undefined || sequenceOf(page) > sequenceOf(best) ? page : best),
      undefined,
    );
    if (newest !== undefined) return new RemapTable(seed, sequenceOf(newest), decodeEntries(newest));
    if (slots.some(isZero)) return new RemapTable(seed, 0, Array.from({ length: SPARE_BLOCKS }));
    return new EterneError('corrupt', 'the table of remapped blocks is damaged', {
      hint: 'remove the metadata: the replica is then rebuilt from a peer',
    });
  }

  /** Blocks that live in the spare area. */
  get size(): number {
    return this.#spareOf.size;
  }

  /** Changed since it was last encoded. */
  get isChanged(): boolean {
    return this.#revision !== this.#encodedRevision;
  }

  /** Remapped blocks that the byte range touches, ascending. */
  within(offset: number, lengthBytes: number): readonly Spare[] {
    const end = offset + lengthBytes;
    const found: Spare[] = [];
    for (const [block, index] of this.#spareOf)
      if (block * BLOCK_BYTES < end && (block + 1) * BLOCK_BYTES > offset)
        found.push({ block, offset: spareOffset(index) });
    return found.sort((a, b) => a.block - b.block);
  }

  /** A spare block for `block`, the one it has or a new one; no sector of a new one is good yet. Undefined: none is left. */
  assign(block: number): Spare | undefined {
    const present = this.#spareOf.get(block);
    if (present !== undefined) return { block, offset: spareOffset(present) };
    const index = this.#entries.indexOf(undefined);
    if (index < 0) return undefined;
    this.#entries[index] = { block, goodSectors: 0 };
    this.#spareOf.set(block, index);
    this.#revision += 1;
    return { block, offset: spareOffset(index) };
  }

  /** Until `release` what is encoded does not name `block`: its content is not all in the spare block yet. */
  hold(block: number): void {
    this.#held.add(block);
  }

  release(block: number): void {
    if (this.#held.delete(block)) this.#revision += 1;
  }

  /** The spare block of `block` is bad itself and never used again. */
  discardSpare(block: number): void {
    const entry = this.#entryOf(block);
    entry.block = 'bad';
    this.#spareOf.delete(block);
    this.#revision += 1;
  }

  /** These bytes of the block's spare have been written. */
  wrote(block: number, offsetInBlock: number, lengthBytes: number): void {
    const entry = this.#entryOf(block);
    const good = entry.goodSectors | sectorMask(offsetInBlock, lengthBytes);
    if (good === entry.goodSectors) return;
    entry.goodSectors = good;
    this.#revision += 1;
  }

  /** Have all of these bytes of the block been written since it was remapped? */
  isGood(block: number, offsetInBlock: number, lengthBytes: number): boolean {
    const mask = sectorMask(offsetInBlock, lengthBytes);
    return (this.#entryOf(block).goodSectors & mask) === mask;
  }

  /** The next page to write, and where. */
  encode(): { readonly offset: number; readonly page: Buffer } {
    this.#sequence += 1;
    this.#encodedRevision = this.#revision;
    const page = Buffer.alloc(PAGE_BYTES);
    MAGIC.copy(page);
    page.writeBigUInt64LE(BigInt(this.#sequence), 16);
    this.#entries.forEach((entry, index) => {
      if (entry === undefined || (entry.block !== 'bad' && this.#held.has(entry.block))) return;
      const at = ENTRIES_OFFSET + index * ENTRY_BYTES;
      page.writeUIntLE(entry.block === 'bad' ? BAD_SPARE : entry.block + 1, at, 6);
      page.writeUInt8(entry.goodSectors, at + 6);
    });
    page.writeUInt32LE(crc32c(page, this.#seed), 8);
    return { offset: REMAP_OFFSET + (this.#sequence % SLOTS) * PAGE_BYTES, page };
  }

  #entryOf(block: number): Entry {
    const entry = this.#entries[this.#spareOf.get(block) ?? -1];
    assert(entry !== undefined, `block ${block} is remapped`);
    return entry;
  }
}

/** Where the slots of the table are. */
export const REMAP_SLOTS_BYTES = SLOTS * PAGE_BYTES;

function spareOffset(index: number): number {
  return REMAP_OFFSET + REMAP_SLOTS_BYTES + index * BLOCK_BYTES;
}

function sectorMask(offsetInBlock: number, lengthBytes: number): number {
  assert(offsetInBlock % SECTOR_BYTES === 0 && lengthBytes % SECTOR_BYTES === 0, 'whole sectors');
  assert(offsetInBlock + lengthBytes <= BLOCK_BYTES, 'inside the block');
  return ((2 ** (lengthBytes / SECTOR_BYTES) - 1) << (offsetInBlock / SECTOR_BYTES)) & ALL_SECTORS;
}

function sequenceOf(page: Buffer): number {
  return Number(page.readBigUInt64LE(16));
}

function isGood(page: Buffer, seed: number): boolean {
  if (!page.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  const unsigned = Buffer.from(page);
  unsigned.writeUInt32LE(0, 8);
  return page.readUInt32LE(8) === crc32c(unsigned, seed);
}

function decodeEntries(page: Buffer): (Entry | undefined)[] {
  return Array.from({ length: SPARE_BLOCKS }, (_, index) => {
    const at = ENTRIES_OFFSET + index * ENTRY_BYTES;
    const stored = page.readUIntLE(at, 6);
    if (stored === 0) return undefined;
    return { block: stored === BAD_SPARE ? 'bad' : stored - 1, goodSectors: page.readUInt8(at + 6) };
  });
}
