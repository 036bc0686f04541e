/**
 * Reads stretches of the volume, piece by piece and in order, for whoever copies or compares them:
 *
 * sized up (holes in large pieces) ──▶ paced ──▶ range locked ──▶ read ──▶ handed over ──▶ range free
 *
 * A piece is handed over under its lock, so that a write that comes later is also later in the stream. What was a hole, or unused, when the
 * piece was sized up is looked at again under the lock.
 */
import { unreachable } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import type { Range } from '../../protocol/messages/resync.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';
import type { ResyncPacer } from './resync-pacer.ts';

const DATA_PIECE_BYTES = 256 * 1024;
const HOLE_PIECE_BYTES = 16 * 1024 * 1024;
const MAX_PIECES = 16;
const ZEROES = Buffer.alloc(1024 * 1024);

/** What a piece holds: bytes of its length, zeroes throughout, or nothing that anybody needs. */
export type PieceContent =
  { readonly kind: 'data'; readonly data: Buffer } | { readonly kind: 'zero' } | { readonly kind: 'unused' };

/** A stretch to go through. One that is `whole` is read and handed over as one piece, at most 1 MiB long. */
export interface PumpJob extends Range {
  readonly whole: boolean;
}

export interface BlockPumpParts<Job extends PumpJob> {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly pacer: ResyncPacer;
  /** How far from `offset` on nobody needs the content; 0: it is needed. */
  unusedBytes(offset: number): number;
  /** Called under the lock of `range`, a part of `job`. */
  take(range: Range, content: PieceContent, job: Job): void;
  failed(error: StoreError): void;
}

interface Piece<Job> extends Range {
  readonly kind: 'data' | 'hole' | 'unused';
  readonly job: Job;
}

export class BlockPump<Job extends PumpJob> {
  readonly #parts: BlockPumpParts<Job>;
  readonly #jobs: { readonly job: Job; at: number }[] = [];
  #pieces = 0;
  #sizingUp = false;
  #closed = false;

  constructor(parts: BlockPumpParts<Job>) {
    this.#parts = parts;
  }

  add(job: Job): void {
    this.#jobs.push({ job, at: job.offset });
    this.#proceed();
  }

  close(): void {
    this.#closed = true;
    this.#jobs.length = 0;
    this.#parts.pacer.stop();
  }

  /** A loop, not recursion: stores may call back at once. */
  #proceed(): void {
    while (!this.#sizingUp && this.#pieces < MAX_PIECES && !this.#closed) {
      const current = this.#jobs[0];
      if (current === undefined) return;
      this.#sizingUp = true;
      let isReturned = false;
      this.#sizeUp(current.job, current.at, (piece) => {
        this.#sizingUp = false;
        if (this.#closed) return;
        current.at += piece.lengthBytes;
        if (current.at === current.job.offset + current.job.lengthBytes) this.#jobs.shift();
        this.#pieces += 1;
        this.#parts.pacer.take(piece.kind === 'data' ? piece.lengthBytes : 0, () => this.#lock(piece));
        if (isReturned) this.#proceed();
      });
      isReturned = true;
    }
  }

  #sizeUp(job: Job, offset: number, done: (piece: Piece<Job>) => void): void {
    const restBytes = job.offset + job.lengthBytes - offset;
    const piece = (kind: Piece<Job>['kind'], lengthBytes: number): void =>
      done({ offset, lengthBytes: Math.min(lengthBytes, restBytes), kind, job });
    if (job.whole) return piece('data', restBytes);
    const unusedBytes = this.#parts.unusedBytes(offset);
    if (unusedBytes > 0) return piece('unused', Math.min(unusedBytes, HOLE_PIECE_BYTES));
    this.#parts.disk.extentAt(offset, (extent) => {
      const lengthBytes = extent?.lengthBytes ?? restBytes;
      if (extent?.allocated === false) piece('hole', Math.min(lengthBytes, HOLE_PIECE_BYTES));
      else piece('data', Math.min(lengthBytes, DATA_PIECE_BYTES));
    });
  }

  #lock(piece: Piece<Job>): void {
    const lock: RangeLock = {
      offset: piece.offset,
      lengthBytes: piece.lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#locked(piece, lock),
    };
    if (this.#parts.locks.acquire(lock)) this.#locked(piece, lock);
  }

  #locked(piece: Piece<Job>, lock: RangeLock): void {
    const finish = (): void => {
      this.#pieces -= 1;
      this.#parts.locks.release(lock);
      this.#proceed();
    };
    if (this.#closed) return finish();
    switch (piece.kind) {
      case 'data':
        return this.#read(piece, piece.offset, finish);
      case 'unused':
        if (this.#parts.unusedBytes(piece.offset) < piece.lengthBytes)
          return this.#read(piece, piece.offset, finish);
        this.#parts.take(lock, { kind: 'unused' }, piece.job);
        return finish();
      case 'hole':
        return this.#parts.disk.extentAt(piece.offset, (extent) => {
          const isHole = extent?.allocated === false && extent.lengthBytes >= piece.lengthBytes;
          if (!isHole) return this.#read(piece, piece.offset, finish);
          if (!this.#closed) this.#parts.take(lock, { kind: 'zero' }, piece.job);
          finish();
        });
      default:
        return unreachable(piece.kind);
    }
  }

  /** From `at` to the end of the piece, which may be longer than one read when it was a hole before. */
  #read(piece: Piece<Job>, at: number, finish: () => void): void {
    const restBytes = piece.offset + piece.lengthBytes - at;
    if (restBytes === 0 || this.#closed) return finish();
    const lengthBytes = piece.job.whole ? restBytes : Math.min(restBytes, DATA_PIECE_BYTES);
    const data = Buffer.allocUnsafeSlow(lengthBytes);
    this.#parts.disk.read(at, data, (error) => {
      if (this.#closed) return finish();
      if (error !== undefined) {
        finish();
        return this.#parts.failed(error);
      }
      const isZero = data.equals(ZEROES.subarray(0, lengthBytes));
      const content: PieceContent = isZero ? { kind: 'zero' } : { kind: 'data', data };
      this.#parts.take({ offset: at, lengthBytes }, content, piece.job);
      this.#read(piece, at + lengthBytes, finish);
    });
  }
}
