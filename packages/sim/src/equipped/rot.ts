/**
 * Disks that alter what they hold, where the design promises to notice: `checksums: crc32c` tell of a block whose checksum is known. Which those are follows
 * from what is on the disks and what was written since (`docs/internals/disk-format.md`, "Checksums"), not from what the code under test says.
 *
 * While another replica has the block nobody may ever get anything but its true content, not a client and not another replica. What outlives its checksum (a
 * crash makes those of open pages unknown, a write that the disk refuses those of its blocks) nobody can notice: it is put back as it was.
 */
import {
  BLOCKS_PER_PAGE,
  CHECKSUM_PAGES_PER_PAGE,
  checksumsOffset,
  layoutOf,
  PAGE_BYTES,
} from '@eterne/disk/metadata/layout.ts';
import { METADATA_PATH } from '../mirror/equipment.ts';
import type { MirrorScenario } from '../mirror/scenario.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';

const BLOCK_BYTES = PAGE_BYTES;
const PER_PAGE = PAGE_BYTES / 4;

/** What a process can know of its disk's blocks. */
interface Knowledge {
  /** From the disk, at its opening. */
  found: Set<number>;
  /** Written whole since. */
  readonly written: Set<number>;
  /** What had become unreadable of the metadata by then: what cannot be read when it is looked for is unknown for good. */
  readonly spoilt: number;
  sizeBytes: number;
  /** Some block was altered, in its life or before. */
  isStruck: boolean;
}

export class Rot {
  readonly #scenario: MirrorScenario;
  readonly #knowledge = new Map<string, Knowledge>();

  constructor(scenario: MirrorScenario) {
    this.#scenario = scenario;
  }

  opened(node: SimNode): void {
    const sizeBytes = this.#scenario.statusOf(node.name)?.sizeBytes ?? 0;
    const { spoilt } = node.disk(METADATA_PATH);
    const found = foundOn(node, sizeBytes);
    const knowledge = { found, written: new Set<number>(), spoilt, sizeBytes, isStruck: false };
    this.#knowledge.set(node.name, knowledge);
    const data = this.#scenario.dataOf(node.name);
    for (const offset of data.alteredBlocks)
      if (!this.#isKnown(node, offset / BLOCK_BYTES)) data.restore(offset, BLOCK_BYTES);
    knowledge.isStruck = data.alteredBlocks.length > 0;
  }

  /** `errors`: how often this process found a block to be something else than what was written. */
  looked(node: SimNode, sizeBytes: number, errors: number): void {
    const knowledge = this.#knowledge.get(node.name);
    if (knowledge === undefined) return;
    knowledge.sizeBytes = sizeBytes;
    if (errors > 0 && !knowledge.isStruck)
      this.#scenario.universe.violate(
        'false-rot',
        `${node.name} finds ${errors} blocks altered, but nobody has altered any`,
      );
  }

  /** Its disk has failed, or is another one: nothing that was known before need be true of it. */
  forget(node: SimNode): void {
    const knowledge = this.#knowledge.get(node.name);
    knowledge?.found.clear();
    knowledge?.written.clear();
  }

  landed(node: SimNode, offset: number, lengthBytes: number): void {
    const knowledge = this.#knowledge.get(node.name);
    // Where the volume is about to grow nobody keeps checksums.
    if (knowledge === undefined || offset >= knowledge.sizeBytes) return;
    const data = this.#scenario.dataOf(node.name);
    for (const { block, start, isWhole } of blocksOf(offset, lengthBytes)) {
      knowledge.found.delete(block);
      if (isWhole) knowledge.written.add(block);
      else {
        knowledge.written.delete(block);
        data.restore(start, BLOCK_BYTES);
      }
    }
  }

  /** What is there now has no checksum. Where the next place of all of it is another one, nobody reads it any more. */
  refused(node: SimNode, offset: number, lengthBytes: number): void {
    const knowledge = this.#knowledge.get(node.name);
    if (knowledge === undefined || offset >= knowledge.sizeBytes) return;
    const data = this.#scenario.dataOf(node.name);
    for (const { block, start, isWhole } of blocksOf(offset, lengthBytes)) {
      knowledge.found.delete(block);
      knowledge.written.delete(block);
      if (!isWhole || !data.mayBeElsewhere(start)) data.restore(start, BLOCK_BYTES);
    }
  }

  /** Alters blocks of this replica that every other one has, too. Returns how many. */
  strike(node: SimNode, chance: Prng, wanted: number, mustBeKnown: boolean): number {
    const data = this.#scenario.dataOf(node.name);
    const candidates = this.#touchedBlocks().filter(
      (block) =>
        (!mustBeKnown || this.#isKnown(node, block)) &&
        !data.isForgiven((block * BLOCK_BYTES) / SECTOR_BYTES) &&
        this.#isEverywhere(block),
    );
    let struck = 0;
    for (; struck < wanted && candidates.length > 0; struck += 1) {
      const [block] = candidates.splice(chance.below(candidates.length), 1);
      if (block !== undefined) this.#alter(node, block, chance);
    }
    this.#scenario.universe.count(`blocks altered on a disk ${mustBeKnown ? 'with checksums' : 'without'}`);
    return struck;
  }

  /** The disks are good again: whatever they still hold of the rot is as it was written. */
  mend(): void {
    for (const { name } of this.#scenario.nodes) {
      const data = this.#scenario.dataOf(name);
      for (const offset of data.alteredBlocks) data.restore(offset, BLOCK_BYTES);
    }
  }

  #isKnown(node: SimNode, block: number): boolean {
    const knowledge = this.#knowledge.get(node.name);
    if (knowledge === undefined) return false;
    const isTrusted = knowledge.spoilt === node.disk(METADATA_PATH).spoilt;
    return knowledge.written.has(block) || (isTrusted && knowledge.found.has(block));
  }

  #touchedBlocks(): number[] {
    const perBlock = BLOCK_BYTES / SECTOR_BYTES;
    return [...new Set(this.#scenario.history.touched().map((sector) => Math.floor(sector / perBlock)))];
  }

  /** On every platter, the same. */
  #isEverywhere(block: number): boolean {
    const { nodes } = this.#scenario;
    const offset = block * BLOCK_BYTES;
    const disks = nodes.map(({ name }) => this.#scenario.dataOf(name));
    const [first, ...others] = disks.map((disk) => disk.durablePage(offset / SECTOR_BYTES));
    return (
      first !== undefined &&
      disks.every((disk) => disk.sizeBytes > offset && disk.isSettled(offset)) &&
      others.every((page) => page.equals(first))
    );
  }

  #alter(node: SimNode, block: number, chance: Prng): void {
    const data = this.#scenario.dataOf(node.name);
    const offset = block * BLOCK_BYTES;
    const content = Buffer.from(data.page(offset / SECTOR_BYTES).bytes);
    const other = chance.pick(this.#touchedBlocks()) ?? 0;
    const misdirected = data.page((other * BLOCK_BYTES) / SECTOR_BYTES).bytes;
    if (chance.chance(0.4) && !misdirected.equals(content)) misdirected.copy(content);
    else flipBit(content, chance);
    this.#scenario.universe.trace.line(node.name, `the disk alters the block at ${offset}`);
    data.alter(offset, content);
    const knowledge = this.#knowledge.get(node.name);
    if (knowledge !== undefined) knowledge.isStruck = true;
  }
}

function flipBit(content: Buffer, chance: Prng): void {
  const at = chance.below(content.length);
  content.writeUInt8(content.readUInt8(at) ^ (1 << chance.below(8)), at);
}

/** `isWhole`: the range covers all of it. */
function blocksOf(
  offset: number,
  lengthBytes: number,
): { readonly block: number; readonly start: number; readonly isWhole: boolean }[] {
  const first = Math.floor(offset / BLOCK_BYTES);
  const last = Math.floor((offset + lengthBytes - 1) / BLOCK_BYTES);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const start = (first + index) * BLOCK_BYTES;
    return {
      block: first + index,
      start,
      isWhole: start >= offset && start + BLOCK_BYTES <= offset + lengthBytes,
    };
  });
}

/** The blocks whose checksums the metadata holds. */
function foundOn(node: SimNode, sizeBytes: number): Set<number> {
  const known = new Set<number>();
  if (sizeBytes === 0) return known;
  const layout = layoutOf(sizeBytes);
  const metadata = node.disk(METADATA_PATH);
  for (let ofBitmap = 0; ofBitmap < layout.pagesPerBitmap; ofBitmap += 1)
    for (let page = 0; page < CHECKSUM_PAGES_PER_PAGE; page += 1) {
      const offset = checksumsOffset(layout, ofBitmap) + page * PAGE_BYTES;
      const values = metadata.page(offset / SECTOR_BYTES).bytes;
      const firstBlock = ofBitmap * BLOCKS_PER_PAGE + page * PER_PAGE;
      for (let slot = 0; slot < PER_PAGE; slot += 1)
        if (values.readUInt32LE(slot * 4) !== 0) known.add(firstBlock + slot);
    }
  return known;
}
