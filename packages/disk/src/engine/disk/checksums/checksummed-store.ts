import { crc32c } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import { BLOCK_BYTES } from '../../../metadata/index.ts';
import type { ChecksumPages } from './checksum-pages.ts';

const UNKNOWN = 0;
const OF_ZEROES = checksumOf(Buffer.alloc(BLOCK_BYTES));

interface Range {
  readonly firstBlock: number;
  readonly lastBlock: number;
}

interface Read extends Range {
  /** Written to meanwhile: what came is neither the old content nor the new one for certain. */
  isTouched: boolean;
}

/**
 * A data store whose blocks have checksums: kept on every write, compared on every read. A block that does not match cannot be read: to
 * whoever asks it is a bad sector, whose content another replica has.
 *
 * - A write that covers a part of a block leaves its checksum unknown.
 * - Reads and writes of one range at the same time have no order here, so such a read is not compared.
 * - What lies behind the volume's end, where a volume that grows makes its room, has no checksums: theirs are unknown when it has grown.
 */
export class ChecksummedStore implements BlockStore {
  readonly nextExtent?: NonNullable<BlockStore['nextExtent']>;
  readonly grow?: NonNullable<BlockStore['grow']>;
  readonly #data: BlockStore;
  readonly #pages: ChecksumPages;
  readonly #volumeBytes: () => number;
  readonly #mismatched: (block: number) => void;
  readonly #reads = new Set<Read>();
  readonly #writes = new Set<Range>();

  /** `mismatched` hears of every block that is found to be something else than what was written. */
  constructor(
    data: BlockStore,
    pages: ChecksumPages,
    volumeBytes: () => number,
    mismatched: (block: number) => void,
  ) {
    this.#data = data;
    this.#pages = pages;
    this.#volumeBytes = volumeBytes;
    this.#mismatched = mismatched;
    if (data.nextExtent !== undefined)
      this.nextExtent = (offset, done: (error: StoreError | undefined, extent: Extent) => void) =>
        data.nextExtent?.(offset, done);
    if (data.grow !== undefined) this.grow = (sizeBytes, done) => data.grow?.(sizeBytes, done);
  }

  get sizeBytes(): number {
    return this.#data.sizeBytes;
  }

  get canPunch(): boolean {
    return this.#data.canPunch;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    if (offset >= this.#volumeBytes()) return this.#data.read(offset, into, done);
    const range = blocksOf(offset, into.length);
    this.#pages.load(range.firstBlock, range.lastBlock, () => {
      const start = range.firstBlock * BLOCK_BYTES;
      const end = Math.min((range.lastBlock + 1) * BLOCK_BYTES, this.sizeBytes);
      if (start === offset && end === offset + into.length) return this.#readWhole(range, into, done);
      const whole = Buffer.allocUnsafe(end - start);
      this.#readWhole(range, whole, (error) => {
        if (error === undefined) whole.copy(into, 0, offset - start);
        done(error);
      });
    });
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    const checksum = (block: number): number => {
      const at = block * BLOCK_BYTES - offset;
      return checksumOf(from.subarray(at, at + BLOCK_BYTES));
    };
    this.#put(offset, from.length, checksum, (written) => this.#data.write(offset, from, written), done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    const write = (written: StoreDone): void =>
      this.#data.writeZeroes(offset, lengthBytes, mayPunch, written);
    this.#put(offset, lengthBytes, () => OF_ZEROES, write, done);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    const checksum = (): number => (this.canPunch ? OF_ZEROES : UNKNOWN);
    const write = (written: StoreDone): void => this.#data.discard(offset, lengthBytes, written);
    this.#put(offset, lengthBytes, checksum, write, done);
  }

  flush(done: StoreDone): void {
    const { failure } = this.#pages;
    if (failure !== undefined) done(failure);
    else this.#data.flush(done);
  }

  close(done: () => void): void {
    this.#data.close(done);
  }

  /** `checksum` is asked for the blocks that are covered whole. */
  #put(
    offset: number,
    lengthBytes: number,
    checksum: (block: number) => number,
    write: (written: StoreDone) => void,
    done: StoreDone,
  ): void {
    if (offset >= this.#volumeBytes()) return write(done);
    const range = blocksOf(offset, lengthBytes);
    const { firstBlock, lastBlock } = range;
    const wholeFrom = Math.ceil(offset / BLOCK_BYTES);
    const wholeTo = Math.floor((offset + lengthBytes) / BLOCK_BYTES);
    this.#pages.open(firstBlock, lastBlock, (refusal) => {
      if (refusal !== undefined) return done(refusal);
      for (const read of this.#reads) if (overlap(read, range)) read.isTouched = true;
      this.#writes.add(range);
      const values: number[] = [];
      for (let block = firstBlock; block <= lastBlock; block += 1) {
        values.push(block >= wholeFrom && block < wholeTo ? checksum(block) : UNKNOWN);
        this.#pages.set(block, UNKNOWN);
      }
      write((error) => {
        this.#writes.delete(range);
        if (error === undefined)
          for (const [index, value] of values.entries()) this.#pages.set(firstBlock + index, value);
        this.#pages.release(firstBlock, lastBlock);
        done(error);
      });
    });
  }

  /** `into` has whole blocks, but for the store's own end. */
  #readWhole(range: Range, into: Buffer, done: StoreDone): void {
    const read: Read = { ...range, isTouched: [...this.#writes].some((write) => overlap(write, range)) };
    this.#reads.add(read);
    // Their page may be gone from memory when the data has come.
    const expected: number[] = [];
    for (let block = range.firstBlock; block <= range.lastBlock; block += 1)
      expected.push(this.#pages.get(block));
    this.#data.read(range.firstBlock * BLOCK_BYTES, into, (error) => {
      this.#reads.delete(read);
      if (error !== undefined || read.isTouched) return done(error);
      done(this.#compare(range.firstBlock, expected, into));
    });
  }

  #compare(firstBlock: number, expected: readonly number[], data: Buffer): StoreError | undefined {
    let bad: number | undefined;
    for (const [index, value] of expected.entries()) {
      if (value === UNKNOWN) continue;
      const content = data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
      if (content.length < BLOCK_BYTES || checksumOf(content) === value) continue;
      bad ??= firstBlock + index;
      this.#mismatched(firstBlock + index);
    }
    if (bad === undefined) return undefined;
    return { kind: 'sector', errno: 'EILSEQ', message: `block ${bad} does not match its checksum` };
  }
}

/** Never 0, which says unknown. */
function checksumOf(block: Buffer): number {
  return crc32c(block) || 1;
}

function blocksOf(offset: number, lengthBytes: number): Range {
  return {
    firstBlock: Math.floor(offset / BLOCK_BYTES),
    lastBlock: Math.floor((offset + lengthBytes - 1) / BLOCK_BYTES),
  };
}

function overlap(a: Range, b: Range): boolean {
  return a.firstBlock <= b.lastBlock && b.firstBlock <= a.lastBlock;
}
