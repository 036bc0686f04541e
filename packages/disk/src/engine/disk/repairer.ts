/** Puts good content back where the local disk cannot be read. It comes from a replica that has everything (`fetch-good.ts`). */
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import { fetchGood, type FetchedRange, type FetchParts } from './fetch-good.ts';

/** Ranges that wait for their repair; what is turned away is found again by the next reader. */
const MAX_WAITING = 256;
const PIECE_BYTES = 64 * 1024;

export interface RepairerParts extends FetchParts {
  readonly disk: LocalDisk;
  /** The volume's size. */
  sizeBytes(): number;
  /** Counts the writes of the role that this node has now. */
  gauge(): Gauge;
  log(message: string): void;
}

interface Piece {
  readonly offset: number;
  readonly lengthBytes: number;
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
      this.#waiting.push({ offset: at, lengthBytes: pieceBytes });
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
    fetchGood(this.#parts, piece, (result) =>
      typeof result === 'string' ? this.#giveUp(piece, result) : this.#write(piece, result),
    );
  }

  #write(piece: Piece, { data, release }: FetchedRange): void {
    const parts = this.#parts;
    const where = `${piece.lengthBytes} bytes at ${piece.offset}`;
    parts.disk.repair(parts.gauge(), piece.offset, data, (error) => {
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
