/**
 * Brings this node's own disk up to date while it serves from a peer: the disk was attached again after it had failed, or is a new one.
 *
 * 1. Writes of the application go to the disk again from the beginning; nothing is read from it before the end.
 * 2. Every block that it lacks is copied from a peer in step, with its range locked: a write before it is in the copy, one after it goes to
 *    both.
 * 3. When all are copied and flushed their bits are cleared, durably; then the replica joins the set as any other that caught up.
 *
 * The disk fails again: what was not cleared is still marked. The peer is lost: the copy goes on from another, or the term ends.
 */
import { BLOCK_BYTES } from '../../metadata/index.ts';
import { Bitmap } from '../../metadata/bitmap.ts';
import type { DirtyBitmap, DirtyRange } from '../../metadata/api.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';
import type { MirrorLink } from './mirror.ts';

const PIECE_BLOCKS = 64;

export interface RebuildParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly sizeBytes: number;
  /** Of every peer: each marks at least what this disk lacks. */
  readonly bitmaps: readonly DirtyBitmap[];
  source(offset: number, lengthBytes: number): MirrorLink | undefined;
  /** Waits until so many bytes may be copied. */
  pace(lengthBytes: number, go: () => void): void;
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
  readonly #lacking: Bitmap;
  #cursor = 0;
  /** Locked, and waiting for the peer. */
  #asked: Piece | undefined;
  #stopped = false;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
    this.#lacking = new Bitmap(parts.sizeBytes);
    for (const bitmap of parts.bitmaps)
      forEachRun(bitmap, (offset, bytes) => this.#lacking.mark(offset, this.#cut(offset, bytes)));
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

  /** What was copied is flushed: the peer and this disk do not differ there any more. */
  clear(bitmap: DirtyBitmap): void {
    forEachRun(this.#lacking, (offset, bytes) => bitmap.clear(offset, this.#cut(offset, bytes)));
  }

  #next(): void {
    if (this.#stopped) return;
    const run = this.#lacking.nextDirty(this.#cursor, PIECE_BLOCKS);
    if (run === undefined) return this.#parts.copied();
    this.#cursor = run.firstBlock + run.blockCount;
    const offset = run.firstBlock * BLOCK_BYTES;
    const lengthBytes = this.#cut(offset, run.blockCount * BLOCK_BYTES);
    this.#parts.pace(lengthBytes, () => this.#lock(offset, lengthBytes));
  }

  #lock(offset: number, lengthBytes: number): void {
    if (this.#stopped) return;
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
    parts.source(piece.offset, piece.lengthBytes)?.read(piece.offset, piece.lengthBytes, (data) => {
      if (this.#asked !== piece) return;
      this.#asked = undefined;
      if (data !== undefined) return this.#write(piece, data);
      parts.locks.release(piece.lock);
      const message = `the peer cannot read ${piece.lengthBytes} bytes at ${piece.offset} either`;
      parts.disk.fail({ kind: 'device', errno: 'EIO', message });
    });
  }

  #write({ lengthBytes, lock, offset }: Piece, data: Buffer): void {
    const { disk, locks } = this.#parts;
    disk.write(disk.own, offset, lengthBytes, data, false, (error) => {
      locks.release(lock);
      if (error === undefined) this.#next();
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
