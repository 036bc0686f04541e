/**
 * A data store whose bad blocks live in the spare area of the metadata.
 *
 * 1. A write that fails for a bad sector is done again block by block; a block that fails alone is written to a spare block.
 * 2. A write that has remapped a block is answered when the table that names its spare block is durable, which it is only after the spare block: what was
 *    answered would else be gone with the process, which takes no other write along. While a block is on its way no durable table names it.
 * 3. What a write does not cover of the block that it has remapped is read from the old place. What cannot be read there is unknown: reading it fails, until good
 *    content is written.
 * 4. A device of which more fails than a bad spot, or that does not answer a probe, has failed.
 */
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import { lengthen } from '../../grow-store.ts';
import { BLOCK_BYTES } from '../../metadata/index.ts';
import type { RemapTable, Spare } from '../../metadata/remap-table.ts';
import { Chain } from '../chain.ts';
import { BlockMoves } from './block-moves.ts';
import { inTurn, type Step } from './in-turn.ts';
import { probe } from './probe.ts';

/** Bad blocks in one request; more of them are no bad spot. */
const MAX_BAD_BLOCKS = 16;
const SECTOR_BYTES = 512;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

/** A part of a request: of the data store, or of one remapped block. */
interface Piece {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly spare: Spare | undefined;
}

/** `at`: within its block. */
interface KeptSector {
  readonly at: number;
  readonly data: Buffer;
}

type WritePiece = (piece: Piece, finished: StoreDone) => void;

export class RemappingStore implements BlockStore {
  #data: BlockStore;
  readonly #spares: BlockStore;
  readonly #table: RemapTable;
  #sparesWritten = false;
  /** One write of the table at a time: its two slots must never be in flight together. */
  #flushingSpares = false;
  readonly #nextFlushes: (() => void)[] = [];
  /** Writes that the data store has not answered. */
  readonly #writing = new Chain<Piece>();
  readonly #moves = new BlockMoves(this.#writing);

  /** `spares`: the store of the metadata region, which its owner closes. */
  constructor(data: BlockStore, spares: BlockStore, table: RemapTable) {
    this.#data = data;
    this.#spares = spares;
    this.#table = table;
  }

  get sizeBytes(): number {
    return this.#data.sizeBytes;
  }

  get canPunch(): boolean {
    return this.#data.canPunch;
  }

  get remappedBlocks(): number {
    return this.#table.size;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    if (this.#moves.isAny && this.#moves.hold(offset, into.length, () => this.read(offset, into, done)))
      return;
    if (this.#table.size === 0) return this.#data.read(offset, into, done);
    this.#eachPiece(offset, into.length, done, (piece, next) => {
      const part = into.subarray(piece.offset - offset, piece.offset - offset + piece.lengthBytes);
      if (piece.spare === undefined) return this.#data.read(piece.offset, part, next);
      const at = piece.offset % BLOCK_BYTES;
      if (this.#table.isGood(piece.spare.block, at, piece.lengthBytes))
        this.#spares.read(piece.spare.offset + at, part, next);
      else next(unknownContent(piece.spare.block));
    });
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#put(offset, from.length, done, (piece, finished) => {
      const part = from.subarray(piece.offset - offset, piece.offset - offset + piece.lengthBytes);
      if (piece.spare === undefined) this.#data.write(piece.offset, part, finished);
      else this.#writeSpare(piece.spare.block, piece.offset % BLOCK_BYTES, part, finished);
    });
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#put(offset, lengthBytes, done, (piece, finished) => {
      const { spare, lengthBytes: pieceBytes } = piece;
      if (spare === undefined) return this.#data.writeZeroes(piece.offset, pieceBytes, mayPunch, finished);
      this.#writeSpare(spare.block, piece.offset % BLOCK_BYTES, ZEROES.subarray(0, pieceBytes), finished);
    });
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    if (this.#table.size === 0) this.#data.discard(offset, lengthBytes, done);
    else this.writeZeroes(offset, lengthBytes, true, done);
  }

  flush(done: StoreDone): void {
    if (this.#flushingSpares) return void this.#nextFlushes.push(() => this.flush(done));
    if (!this.#sparesWritten && !this.#table.isChanged) return this.#data.flush(done);
    this.#flushSpares([(next) => this.#data.flush(next)], done);
  }

  grow(sizeBytes: number, done: StoreDone): void {
    lengthen(this.#data, sizeBytes, done);
  }

  close(done: () => void): void {
    this.#data.close(done);
  }

  /** Another disk takes the place of the present one, which is handed back. */
  replaceData(data: BlockStore): BlockStore {
    const before = this.#data;
    this.#data = data;
    return before;
  }

  /** A remapped block counts as data, whatever lies below it; so does everything where the store cannot tell. */
  nextExtent(offset: number, done: (error: StoreError | undefined, extent: Extent) => void): void {
    if (this.#data.nextExtent === undefined)
      return done(undefined, { lengthBytes: this.sizeBytes - offset, allocated: true });
    this.#data.nextExtent(offset, (error, extent) => {
      const [spare] = extent.allocated ? [] : this.#table.within(offset, extent.lengthBytes);
      if (spare === undefined) return done(error, extent);
      const start = spare.block * BLOCK_BYTES;
      if (start > offset) done(error, { lengthBytes: start - offset, allocated: false });
      else done(error, { lengthBytes: start + BLOCK_BYTES - offset, allocated: true });
    });
  }

  /** These blocks cannot be trusted although they take writes: moves them, with this content, to the spare area. */
  retire(offset: number, from: Buffer, done: StoreDone): void {
    const steps = wholeBlocks(offset, from.length).map((piece): Step => (next) => {
      const part = from.subarray(piece.offset - offset, piece.offset - offset + piece.lengthBytes);
      this.#writeSpare(blockOf(piece), piece.offset % BLOCK_BYTES, part, next);
    });
    inTurn(steps, done);
  }

  /** Does `write` to the pieces; what fails for a bad sector is tried again block by block, then remapped. */
  #put(offset: number, lengthBytes: number, done: StoreDone, write: WritePiece): void {
    if (
      this.#moves.isAny &&
      this.#moves.hold(offset, lengthBytes, () => this.#put(offset, lengthBytes, done, write))
    )
      return;
    const kept: StoreDone = (error) => {
      if (error === undefined && this.#isElsewhere({ offset, lengthBytes })) this.#keepTable(done);
      else done(error);
    };
    const counted: WritePiece = (piece, finished) => {
      const place = this.#writing.add(piece);
      write(piece, (error) => {
        this.#writing.delete(place);
        finished(error);
        this.#moves.written();
      });
    };
    const whole = (piece: Piece, next: StoreDone): void => {
      // Another write has remapped it since the range was cut into pieces, or is about to.
      if (piece.spare === undefined && this.#isElsewhere(piece))
        return this.#put(piece.offset, piece.lengthBytes, next, write);
      counted(piece, (error) => {
        if (error?.kind === 'sector' && piece.spare === undefined) this.#isolate(piece, counted, next);
        else next(error);
      });
    };
    if (this.#table.size === 0) return whole({ offset, lengthBytes, spare: undefined }, kept);
    this.#eachPiece(offset, lengthBytes, kept, whole);
  }

  #isElsewhere({ lengthBytes, offset }: Pick<Piece, 'offset' | 'lengthBytes'>): boolean {
    if (this.#moves.isMoving(offset, lengthBytes)) return true;
    return this.#table.size > 0 && this.#table.within(offset, lengthBytes).length > 0;
  }

  #isolate({ offset, lengthBytes }: Piece, write: WritePiece, done: StoreDone): void {
    let badBlocks = 0;
    const attempt = (found: Piece, next: StoreDone): void => {
      if (this.#moves.hold(found.offset, found.lengthBytes, () => attempt(found, next))) return;
      const piece = { ...found, spare: this.#table.within(found.offset, found.lengthBytes)[0] };
      write(piece, (error) => {
        if (error?.kind !== 'sector' || piece.spare !== undefined) return next(error);
        badBlocks += 1;
        if (badBlocks > MAX_BAD_BLOCKS) next({ ...error, kind: 'device' });
        else if (!this.#moves.hold(piece.offset, piece.lengthBytes, () => attempt(found, next)))
          this.#remap(piece, write, next);
      });
    };
    const steps = wholeBlocks(offset, lengthBytes).map(
      (piece): Step =>
        (next) =>
          attempt(piece, next),
    );
    probe(this.#data, (isAlive) => {
      if (isAlive) inTurn(steps, done);
      else done({ kind: 'device', errno: 'EIO', message: 'the device does not answer a probe' });
    });
  }

  /** Nobody else reads or writes the block while what can be kept of it is carried over. */
  #remap(piece: Piece, write: WritePiece, done: StoreDone): void {
    const block = blockOf(piece);
    const moved = this.#moves.begin(block);
    const finish: StoreDone = (error) => {
      if (error === undefined) this.#table.release(block);
      moved();
      done(error);
    };
    this.#moves.whenQuiet(block, () =>
      this.#readRest(piece, (kept) => {
        this.#table.hold(block);
        const spare = this.#table.assign(block);
        if (spare === undefined)
          return finish({ kind: 'device', errno: 'EIO', message: 'there is no spare block left' });
        const steps = kept.map(
          ({ at, data }): Step =>
            (next) =>
              this.#writeSpare(block, at, data, next),
        );
        inTurn([...steps, (next) => write({ ...piece, spare }, next)], finish);
      }),
    );
  }

  /** The sectors of the piece's block that it does not cover, and that can be read. */
  #readRest(piece: Piece, done: (kept: readonly KeptSector[]) => void): void {
    const start = blockOf(piece) * BLOCK_BYTES;
    const kept: KeptSector[] = [];
    const steps: Step[] = [];
    for (let at = 0; at < BLOCK_BYTES; at += SECTOR_BYTES) {
      const offset = start + at;
      const isCovered = offset >= piece.offset && offset < piece.offset + piece.lengthBytes;
      if (isCovered || offset >= this.sizeBytes) continue;
      steps.push((next) => {
        const data = Buffer.allocUnsafeSlow(SECTOR_BYTES);
        this.#data.read(offset, data, (error) => {
          if (error === undefined) kept.push({ at, data });
          next(undefined);
        });
      });
    }
    inTurn(steps, () => done(kept));
  }

  /** Takes the block's spare, or another one when that is bad itself. */
  #writeSpare(block: number, offsetInBlock: number, from: Buffer, done: StoreDone): void {
    const spare = this.#table.assign(block);
    if (spare === undefined)
      return done({ kind: 'device', errno: 'EIO', message: 'there is no spare block left' });
    this.#sparesWritten = true;
    this.#spares.write(spare.offset + offsetInBlock, from, (error) => {
      if (error === undefined) this.#table.wrote(block, offsetInBlock, from.length);
      if (error?.kind !== 'sector') return done(error);
      this.#table.discardSpare(block);
      this.#writeSpare(block, offsetInBlock, from, done);
    });
  }

  /** What the table says of spare blocks that have been written is durable. */
  #keepTable(done: StoreDone): void {
    if (this.#flushingSpares) this.#nextFlushes.push(() => this.#keepTable(done));
    else if (this.#table.isChanged) this.#flushSpares([], done);
    else done(undefined);
  }

  #flushSpares(first: readonly Step[], done: StoreDone): void {
    this.#flushingSpares = true;
    this.#sparesWritten = false;
    const steps: Step[] = [...first, (next) => this.#spares.flush(next), (next) => this.#writeTable(next)];
    inTurn(steps, (error) => {
      this.#flushingSpares = false;
      done(error);
      for (const next of this.#nextFlushes.splice(0)) next();
    });
  }

  #writeTable(done: StoreDone): void {
    if (!this.#table.isChanged) return done(undefined);
    const { offset, page } = this.#table.encode();
    this.#spares.write(offset, page, (error) => {
      if (error === undefined) this.#spares.flush(done);
      else done({ ...error, kind: 'device' });
    });
  }

  /** Calls `act` for one piece of the range after the other, until an error. */
  #eachPiece(
    offset: number,
    lengthBytes: number,
    done: StoreDone,
    act: (piece: Piece, next: StoreDone) => void,
  ): void {
    const end = offset + lengthBytes;
    const pieces: Piece[] = [];
    let at = offset;
    for (const spare of this.#table.within(offset, lengthBytes)) {
      const start = Math.max(offset, spare.block * BLOCK_BYTES);
      const stop = Math.min(end, (spare.block + 1) * BLOCK_BYTES);
      if (start > at) pieces.push({ offset: at, lengthBytes: start - at, spare: undefined });
      pieces.push({ offset: start, lengthBytes: stop - start, spare });
      at = stop;
    }
    if (at < end) pieces.push({ offset: at, lengthBytes: end - at, spare: undefined });
    const steps = pieces.map(
      (piece): Step =>
        (next) =>
          act(piece, next),
    );
    inTurn(steps, done);
  }
}

/** The range cut at block boundaries. */
function wholeBlocks(offset: number, lengthBytes: number): readonly Piece[] {
  const end = offset + lengthBytes;
  const pieces: Piece[] = [];
  for (let at = offset; at < end;) {
    const stop = Math.min(end, (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES);
    pieces.push({ offset: at, lengthBytes: stop - at, spare: undefined });
    at = stop;
  }
  return pieces;
}

function blockOf(piece: Piece): number {
  return Math.floor(piece.offset / BLOCK_BYTES);
}

function unknownContent(block: number): StoreError {
  return {
    kind: 'sector',
    errno: 'EIO',
    message: `block ${block} was remapped and part of it is not known yet`,
  };
}
