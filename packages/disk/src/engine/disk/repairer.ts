/**
 * Puts good content back where the local disk cannot be read. The content comes from a replica that has everything; nothing is locked while it
 * is on its way (the primary would wait for a write that waits for that lock). When it has come, it is right if no write has touched
 * the range since it was asked for; otherwise it is asked for again.
 */
import type { Timers } from '@eterne/runtime';
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

/** Ranges that wait for their repair; what is turned away is found again by the next reader. */
const MAX_WAITING = 256;
const MAX_ATTEMPTS = 8;
const PIECE_BYTES = 64 * 1024;
/** A source whose session is lost does not answer at all. */
const ANSWER_TIMEOUT_MS = 5_000;

/** A replica that has everything. `done` with undefined when it cannot read it either; never after its session is lost. */
export interface GoodSource {
  read(offset: number, lengthBytes: number, done: (data: Buffer | undefined) => void): void;
}

export interface RepairerParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly timers: Timers;
  /** The volume's size. */
  sizeBytes(): number;
  source(offset: number, lengthBytes: number): GoodSource | undefined;
  /** Counts the writes of the role that this node has now. */
  gauge(): Gauge;
  log(message: string): void;
}

interface Piece {
  readonly offset: number;
  readonly lengthBytes: number;
  attempts: number;
}

export class Repairer {
  readonly #parts: RepairerParts;
  readonly #waiting: Piece[] = [];
  #active: Piece | undefined;
  #repairedBytes = 0;

  constructor(parts: RepairerParts) {
    this.#parts = parts;
  }

  /** Bytes that have been given good content again. */
  get repairedBytes(): number {
    return this.#repairedBytes;
  }

  /** These bytes of the local disk cannot be read. */
  request(offset: number, lengthBytes: number): void {
    const end = Math.min(offset + lengthBytes, this.#parts.sizeBytes());
    for (let at = offset - (offset % PIECE_BYTES); at < end; at += PIECE_BYTES) {
      const isKnown = this.#waiting.some((piece) => piece.offset === at) || this.#active?.offset === at;
      if (isKnown || this.#waiting.length >= MAX_WAITING) continue;
      const pieceBytes = Math.min(PIECE_BYTES, this.#parts.sizeBytes() - at);
      this.#waiting.push({ offset: at, lengthBytes: pieceBytes, attempts: 0 });
    }
    if (this.#active === undefined) this.#next();
  }

  #next(): void {
    const piece = this.#waiting.shift();
    this.#active = piece;
    if (piece === undefined) return;
    this.#parts.disk.canRead(piece.offset, piece.lengthBytes, (isReadable) => {
      if (isReadable) this.#next();
      else this.#ask(piece);
    });
  }

  #ask(piece: Piece): void {
    const { locks, timers } = this.#parts;
    const source = this.#parts.source(piece.offset, piece.lengthBytes);
    if (source === undefined) return this.#giveUp(piece, 'no other replica has its content');
    const watch = locks.watch(piece.offset, piece.lengthBytes);
    let isOver = false;
    const answer = (data: Buffer | undefined, problem: string): void => {
      if (isOver) return;
      isOver = true;
      timeout.cancel();
      locks.unwatch(watch);
      if (data === undefined) this.#giveUp(piece, problem);
      else if (watch.touched) this.#askAgain(piece);
      else this.#lock(piece, data);
    };
    const timeout = timers.after(ANSWER_TIMEOUT_MS, () =>
      answer(undefined, 'the other replica did not answer'),
    );
    source.read(piece.offset, piece.lengthBytes, (data) =>
      answer(data, 'the other replica cannot read it either'),
    );
  }

  #askAgain(piece: Piece): void {
    piece.attempts += 1;
    if (piece.attempts >= MAX_ATTEMPTS) this.#giveUp(piece, 'it is written too often just now');
    else this.#ask(piece);
  }

  /** A lock that is not to be had at once belongs to a write that the content may lack. */
  #lock(piece: Piece, good: Buffer): void {
    const { locks } = this.#parts;
    const lock: RangeLock = {
      offset: piece.offset,
      lengthBytes: piece.lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => {
        locks.release(lock);
        this.#askAgain(piece);
      },
    };
    if (locks.acquire(lock)) this.#write(piece, good, () => locks.release(lock));
  }

  #write(piece: Piece, good: Buffer, release: () => void): void {
    const parts = this.#parts;
    const where = `${piece.lengthBytes} bytes at ${piece.offset}`;
    parts.disk.repair(parts.gauge(), piece.offset, good, (error) => {
      release();
      if (error === undefined) this.#repairedBytes += piece.lengthBytes;
      parts.log(error === undefined ? `repaired ${where}` : `cannot repair ${where}: ${error.message}`);
      this.#next();
    });
  }

  #giveUp(piece: Piece, reason: string): void {
    this.#parts.log(`cannot repair ${piece.lengthBytes} bytes at ${piece.offset}: ${reason}`);
    this.#next();
  }
}
