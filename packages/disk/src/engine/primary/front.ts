import type { BlockDevice, DeviceDone, DeviceErrorCode, Extent } from '@eterne/runtime';
import { MAX_DATA_BYTES } from '../../protocol/wire.ts';
import type { ReadDone } from './read-path.ts';

/** Zeroing is cut into pieces of this, so that one request neither fills the activity log nor locks the volume for long. */
const MAX_ZERO_PIECE_BYTES = 32 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** What a front end's requests become, each within the protocol's limits. */
export interface FrontTarget {
  /** Takes nothing any more. */
  readonly closed: boolean;
  /** Of the volume now. */
  readonly sizeBytes: number;
  readPiece(offset: number, lengthBytes: number, done: ReadDone): void;
  /** What a read brought is used no more. */
  release(data: Buffer): void;
  /** The extent that begins at `offset`; not beyond `lengthBytes` where nothing is known. */
  extentAt(offset: number, lengthBytes: number, done: (extent: Extent) => void): void;
  writePiece(
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    fua: boolean,
    done: DeviceDone,
  ): void;
  flush(done: DeviceDone): void;
}

/** The device of one term: checks requests, cuts them into pieces, and is dead with its term. */
export class PrimaryDevice implements BlockDevice {
  readonly name: string;
  readonly readOnly = false;
  readonly term: number;
  readonly #target: FrontTarget;

  constructor(target: FrontTarget, name: string, term: number) {
    this.#target = target;
    this.name = name;
    this.term = term;
  }

  get sizeBytes(): number {
    return this.#target.sizeBytes;
  }

  read(offset: number, lengthBytes: number, done: ReadDone): void {
    const problem = this.#problem(offset, lengthBytes, 'EINVAL');
    if (problem !== undefined) return done(problem, NOTHING);
    if (lengthBytes <= MAX_DATA_BYTES) return this.#target.readPiece(offset, lengthBytes, done);
    const whole = Buffer.allocUnsafeSlow(lengthBytes);
    const finish = (error: DeviceErrorCode | undefined): void =>
      done(error, error === undefined ? whole : NOTHING);
    const pieceDone = join(Math.ceil(lengthBytes / MAX_DATA_BYTES), finish);
    for (let at = 0; at < lengthBytes; at += MAX_DATA_BYTES) {
      const piece = Math.min(MAX_DATA_BYTES, lengthBytes - at);
      this.#target.readPiece(offset + at, piece, (error, data) => {
        if (error === undefined) {
          data.copy(whole, at);
          this.#target.release(data);
        }
        pieceDone(error);
      });
    }
  }

  release(data: Buffer): void {
    this.#target.release(data);
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    const problem = this.#problem(offset, data.length, 'ENOSPC');
    if (problem !== undefined) return done(problem);
    if (data.length <= MAX_DATA_BYTES)
      return this.#target.writePiece(offset, data.length, data, false, fua, done);
    const pieceDone = join(Math.ceil(data.length / MAX_DATA_BYTES), done);
    for (let at = 0; at < data.length; at += MAX_DATA_BYTES) {
      const piece = data.subarray(at, at + MAX_DATA_BYTES);
      this.#target.writePiece(offset + at, piece.length, piece, false, fua, pieceDone);
    }
  }

  flush(done: DeviceDone): void {
    if (this.#target.closed) done('ESHUTDOWN');
    else this.#target.flush(done);
  }

  /** Replicas must stay byte-identical, so a discarded range reads as zeroes everywhere. */
  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    this.writeZeroes(offset, lengthBytes, true, false, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    const problem = this.#problem(offset, lengthBytes, 'ENOSPC');
    if (problem !== undefined) return done(problem);
    const pieceDone = join(Math.ceil(lengthBytes / MAX_ZERO_PIECE_BYTES), done);
    for (let at = 0; at < lengthBytes; at += MAX_ZERO_PIECE_BYTES) {
      const piece = Math.min(MAX_ZERO_PIECE_BYTES, lengthBytes - at);
      this.#target.writePiece(offset + at, piece, undefined, mayPunch, fua, pieceDone);
    }
  }

  nextExtent(offset: number, done: (error: DeviceErrorCode | undefined, extent: Extent) => void): void {
    const lengthBytes = this.sizeBytes - offset;
    const problem = this.#problem(offset, lengthBytes, 'EINVAL');
    if (problem !== undefined) return done(problem, { lengthBytes: 0, allocated: true });
    this.#target.extentAt(offset, lengthBytes, (extent) =>
      done(undefined, { ...extent, lengthBytes: Math.min(extent.lengthBytes, lengthBytes) }),
    );
  }

  #problem(offset: number, lengthBytes: number, beyondEnd: DeviceErrorCode): DeviceErrorCode | undefined {
    if (this.#target.closed) return 'ESHUTDOWN';
    const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(lengthBytes);
    if (!isWhole || offset < 0 || lengthBytes <= 0 || offset % 512 !== 0 || lengthBytes % 512 !== 0)
      return 'EINVAL';
    return offset + lengthBytes > this.sizeBytes ? beyondEnd : undefined;
  }
}

/** Calls `done` when all pieces are, with the first error among them. */
function join(pieces: number, done: DeviceDone): DeviceDone {
  let left = pieces;
  let first: DeviceErrorCode | undefined;
  return (error) => {
    first ??= error;
    left -= 1;
    if (left === 0) done(first);
  };
}
