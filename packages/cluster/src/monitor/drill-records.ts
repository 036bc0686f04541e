/**
 * Records of a drill, as any application would write them: in DIRECTORY/.eterne-drill, one after the other, each on stable storage before it
 * counts and the next is begun.
 *
 *   record n (64 bytes, at n · 64):  drill (40, padded with NUL) · n (8, little-endian) · NUL (12) · CRC32C of all before it (4)
 */
import { crc32c, EterneError } from '@eterne/base';
import type { FileHandle, Files, Timers } from '@eterne/runtime';
import { join } from 'node:path';

const RECORD_BYTES = 64;
const DRILL_BYTES = 40;
/** Between two records: a drill shall not slow its application down. */
const PAUSE_MS = 2;
/** More than any drill writes. */
const RECORDS_MAX = 1 << 20;

type Done = (records: number | EterneError) => void;

export class DrillRecords {
  readonly directory: string;
  readonly #world: { readonly files: Files; readonly timers: Timers };
  readonly #path: string;
  readonly #drill: string;
  #count = 0;
  #file: FileHandle | undefined;
  #ended = false;
  #idle = true;
  #waiting: Done[] = [];

  constructor(world: { readonly files: Files; readonly timers: Timers }, directory: string, drill: string) {
    this.#world = world;
    this.directory = directory;
    this.#path = join(directory, '.eterne-drill');
    this.#drill = drill;
  }

  get drill(): string {
    return this.#drill;
  }

  begin(done: (error: EterneError | undefined) => void): void {
    this.#idle = false;
    this.#world.files.openFile(this.#path, (file) => {
      if (file instanceof EterneError) {
        this.#settle();
        return done(file);
      }
      this.#file = file;
      done(undefined);
      this.#next(file);
    });
  }

  /** Nothing is open any more when `done` hears how many records are on stable storage. */
  end(done: Done): void {
    this.#ended = true;
    this.#waiting.push(done);
    if (this.#idle) this.#settle();
  }

  /** How many records of this drill can be read, from the first without a gap; the file is removed. */
  count(done: Done): void {
    this.#world.files.readFile(this.#path, (content) => {
      if (content instanceof EterneError) return done(content);
      const found = content === undefined ? 0 : countRecords(content, this.#drill);
      this.#world.files.remove(this.#path, () => done(found));
    });
  }

  #next(file: FileHandle): void {
    if (this.#ended || this.#count === RECORDS_MAX) return this.#settle();
    file.writeAt(this.#count * RECORD_BYTES, encodeRecord(this.#drill, this.#count), (failed) => {
      if (failed) return this.#settle();
      file.sync((lost) => {
        if (lost) return this.#settle();
        this.#count += 1;
        this.#world.timers.after(PAUSE_MS, () => this.#next(file));
      });
    });
  }

  /** Also after a failure: what is written by then is what counts. */
  #settle(): void {
    this.#idle = true;
    const file = this.#file;
    this.#file = undefined;
    const tell = (): void => {
      for (const done of this.#waiting.splice(0)) done(this.#count);
    };
    if (file) file.close(tell);
    else tell();
  }
}

function encodeRecord(drill: string, index: number): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(drill, 0, DRILL_BYTES, 'latin1');
  record.writeBigUInt64LE(BigInt(index), DRILL_BYTES);
  record.writeUInt32LE(crc32c(record.subarray(0, RECORD_BYTES - 4)), RECORD_BYTES - 4);
  return record;
}

function countRecords(content: Buffer, drill: string): number {
  let index = 0;
  for (; (index + 1) * RECORD_BYTES <= content.length; index += 1) {
    const record = content.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
    if (!record.equals(encodeRecord(drill, index))) break;
  }
  return index;
}
