/**
 * Brings this node's own disk up to date while it serves from a peer: the disk was attached again after it had failed, is a new one, or
 * was promoted while it was still being copied to.
 *
 * 1. Nothing is read from it before the end. A write to blocks that are all still to be copied goes to the peer alone, any other one to both.
 * 2. Every block that it lacks is copied from a peer in step, with its range locked: a write before it is in the copy, one to a block being copied
 *    waits, one after it goes to both. What the peer says no file system uses becomes undefined instead.
 * 3. What the peer cannot read is asked for again after everything else, until it can, or the application has written it anew there.
 * 4. When all are copied and flushed their bits are cleared, durably; then the replica joins the set as any other that caught up.
 *
 * The disk fails again: what was not cleared is still marked. The peer is lost: the copy goes on from another, or the term ends.
 */
import { BLOCK_BYTES } from '../../metadata/index.ts';
import { Bitmap } from '../../metadata/bitmap.ts';
import type { DirtyBitmap, DirtyRange } from '../../metadata/api.ts';
import type { Fetched } from '../../protocol/messages/fetch.ts';
import { MAX_RESYNC_BYTES } from '../../protocol/messages/resync.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';
import type { MirrorLink } from './mirror.ts';

/** What is locked at a time, so that writes wait for little; more of it where nothing need be copied, up to the longest FETCH. */
const PIECE_BLOCKS = 64;
const MAX_PIECE_BLOCKS = MAX_RESYNC_BYTES / BLOCK_BYTES;
const RETRY_MS = 5_000;

export interface RebuildParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly sizeBytes: number;
  /** Of every peer: each marks at least what this disk lacks. */
  readonly bitmaps: readonly DirtyBitmap[];
  readonly undefinedBlocks: DirtyBitmap;
  source(offset: number, lengthBytes: number): MirrorLink | undefined;
  /** Waits until so many bytes may be copied. */
  pace(lengthBytes: number, go: () => void): void;
  later(delayMs: number, go: () => void): void;
  /** The peer cannot read the block at `offset` either. */
  unreadable(offset: number): void;
  /** The disk has every block; nothing of that is flushed yet. */
  copied(): void;
}

interface Piece {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly lock: RangeLock;
}

export class Rebuild {
  readonly #parts: RebuildParts;
  /** From the beginning on; and of that, what nobody has begun to copy. */
  readonly #lacking: Bitmap;
  readonly #open: Bitmap;
  #cursor = 0;
  #pieceBlocks = PIECE_BLOCKS;
  /** Of the piece before, which is to be paced. */
  #copiedBytes = 0;
  /** Locked, and waiting for the peer. */
  #asked: Piece | undefined;
  #stopped = false;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
    this.#lacking = new Bitmap(parts.sizeBytes);
    this.#open = new Bitmap(parts.sizeBytes);
    for (const bitmap of parts.bitmaps)
      forEachRun(bitmap, (offset, bytes) => {
        for (const mine of [this.#lacking, this.#open]) mine.mark(offset, this.#cut(offset, bytes));
      });
  }

  start(): void {
    this.#next();
  }

  /** A peer is lost, or has come into step: what the lost one owed is asked anew. */
  peersMoved(): void {
    const piece = this.#asked;
    if (piece === undefined || this.#stopped) return;
    this.#asked = undefined;
    this.#ask(piece);
  }

  stop(): void {
    this.#stopped = true;
    const piece = this.#asked;
    this.#asked = undefined;
    if (piece !== undefined) this.#parts.locks.release(piece.lock);
  }

  /** Every block of the range is still to be copied, and whatever it holds then comes along. */
  willCopy(offset: number, lengthBytes: number): boolean {
    const first = Math.floor(offset / BLOCK_BYTES);
    const blockCount = Math.ceil((offset + lengthBytes) / BLOCK_BYTES) - first;
    const run = this.#open.nextDirty(first, blockCount);
    return run !== undefined && run.firstBlock === first && run.blockCount === blockCount;
  }

  /** What was copied is flushed: the peer and this disk do not differ there any more. */
  clear(bitmap: DirtyBitmap): void {
    forEachRun(this.#lacking, (offset, bytes) => bitmap.clear(offset, this.#cut(offset, bytes)));
  }

  #next(): void {
    if (this.#stopped) return;
    const run = this.#open.nextDirty(this.#cursor, this.#pieceBlocks);
    if (run === undefined) return this.#endOfRound();
    const offset = run.firstBlock * BLOCK_BYTES;
    const lengthBytes = this.#cut(offset, run.blockCount * BLOCK_BYTES);
    const paced = this.#copiedBytes;
    this.#copiedBytes = 0;
    this.#parts.pace(paced, () => this.#lock(offset, lengthBytes));
  }

  #endOfRound(): void {
    if (this.#open.dirtyBlocks === 0) return this.#parts.copied();
    this.#cursor = 0;
    this.#parts.later(RETRY_MS, () => this.#next());
  }

  #lock(offset: number, lengthBytes: number): void {
    if (this.#stopped) return;
    // From here on writes go to both: those that are queued behind the lock, and those that hold it back and are about to be issued.
    this.#open.clear(offset, lengthBytes);
    const lock: RangeLock = {
      offset,
      lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#ask({ offset, lengthBytes, lock }),
    };
    if (this.#parts.locks.acquire(lock)) lock.granted();
  }

  #ask(piece: Piece): void {
    const parts = this.#parts;
    if (this.#stopped) return parts.locks.release(piece.lock);
    this.#asked = piece;
    parts.source(piece.offset, piece.lengthBytes)?.fetch(piece, (fetched) => {
      if (this.#asked !== piece) return;
      this.#asked = undefined;
      if (fetched !== undefined) return this.#take(piece, fetched);
      this.#skip(piece);
    });
  }

  /** Block by block, to come by what cannot be read. */
  #skip({ lengthBytes, lock, offset }: Piece): void {
    this.#open.mark(offset, lengthBytes);
    this.#pieceBlocks = 1;
    const isBlock = lengthBytes <= BLOCK_BYTES;
    this.#cursor = offset / BLOCK_BYTES + (isBlock ? 1 : 0);
    if (isBlock) this.#parts.unreadable(offset);
    this.#parts.locks.release(lock);
    this.#next();
  }

  /** It may be the beginning of the piece only; the rest is asked for anew. */
  #take({ lengthBytes: askedBytes, lock, offset }: Piece, fetched: Fetched): void {
    const { disk, locks, undefinedBlocks } = this.#parts;
    const { kind, lengthBytes } = fetched;
    this.#pieceBlocks = Math.min(2 * this.#pieceBlocks, kind === 'data' ? PIECE_BLOCKS : MAX_PIECE_BLOCKS);
    const finish = (): void => {
      const end = offset + lengthBytes;
      this.#cursor = Math.ceil(end / BLOCK_BYTES);
      if (lengthBytes < askedBytes) this.#open.mark(end, askedBytes - lengthBytes);
      locks.release(lock);
      this.#next();
    };
    if (kind === 'unused') {
      undefinedBlocks.markDirty(offset, lengthBytes);
      return finish();
    }
    undefinedBlocks.clear(offset, lengthBytes);
    const data = kind === 'data' ? fetched.data : undefined;
    this.#copiedBytes = data?.length ?? 0;
    disk.write(disk.own, offset, lengthBytes, data, true, (error) => {
      if (error === undefined) finish();
      else locks.release(lock);
    });
  }

  /** The volume's last block may be short. */
  #cut(offset: number, lengthBytes: number): number {
    return Math.min(lengthBytes, this.#parts.sizeBytes - offset);
  }
}

interface Runs {
  nextDirty(from: number, maxBlocks: number): DirtyRange | undefined;
}

function forEachRun(bitmap: Runs, each: (offset: number, lengthBytes: number) => void): void {
  for (let from = 0; ;) {
    const run = bitmap.nextDirty(from, Number.MAX_SAFE_INTEGER);
    if (run === undefined) return;
    each(run.firstBlock * BLOCK_BYTES, run.blockCount * BLOCK_BYTES);
    from = run.firstBlock + run.blockCount;
  }
}
