/**
 * Writes that a power loss leaves whole or undone, on a store that promises that of 512 bytes only: what is to be written stands in
 * a journal beside the store first.
 * ```
 *   record durable ──▶ written in place ──▶ durable ──▶ record struck out, durably ──▶ done
 * ```
 * 1. Power lost before the record is durable: its checksum fails, nothing has been written in place.
 * 2. Until it is struck out: it is written again when the LUN is opened. The range is locked meanwhile, so nothing newer is there.
 * 3. When it cannot be written in place it is given up: the journal is removed before anybody hears of it. When that fails too the unit takes no
 *    writes any more, because the next start would overwrite them.
 * 4. Afterwards it is never looked at again: newer writes to the range are safe.
 *
 * Record, little-endian: `u32 magic "ETAW", u32 CRC-32C of the rest, u64 offset, u32 length, data`. Struck out: magic zero.
 */
import { EterneError, crc32c } from '@eterne/base';
import type { BlockStore, DeviceDone, FileHandle, Files, StoreError } from '@eterne/runtime';
import { MAX_ATOMIC_BYTES } from '../limits.ts';
import type { AtomicWrites } from '../scsi/logical-unit.ts';

const MAGIC = 0x5741_5445;
const HEADER_BYTES = 20;
const CHECKED_FROM = 8;

interface Job {
  readonly offset: number;
  readonly data: Buffer;
  readonly done: DeviceDone;
}

type Finish = (error: EterneError | StoreError | undefined) => void;

export class AtomicJournal implements AtomicWrites {
  readonly #files: Files;
  readonly #path: string;
  readonly #store: BlockStore;
  readonly #queue: Job[] = [];
  #file: FileHandle | undefined;
  #busy = false;
  /** The store or the journal has failed once: it takes nothing any more. */
  #failed = false;
  #stuck = false;

  private constructor(files: Files, path: string, store: BlockStore) {
    this.#files = files;
    this.#path = path;
    this.#store = store;
  }

  /** Finishes a write that a power loss interrupted, then is ready. */
  static open(
    files: Files,
    path: string,
    store: BlockStore,
    done: (result: AtomicJournal | EterneError) => void,
  ): void {
    files.readFile(path, (content) => {
      if (content instanceof EterneError) return done(content);
      const record = content && decodeRecord(content, store.sizeBytes);
      const journal = new AtomicJournal(files, path, store);
      if (record === undefined) return done(journal);
      journal.#inPlace(record.offset, record.data, (error) => {
        if (error !== undefined)
          return done(new EterneError('io', `an unfinished atomic write of ${path}: ${error.message}`));
        files.remove(path, (removeError) => done(removeError ?? journal));
      });
    });
  }

  /** Whole or not at all, and durable when done. One after the other; whoever calls holds the range. */
  write(offset: number, data: Buffer, done: DeviceDone): void {
    this.#queue.push({ offset, data, done });
    this.#advance();
  }

  /** Only while nobody writes: whoever calls holds all ranges. A record that is struck out still has its data. */
  forget(done: (error: EterneError | undefined) => void): void {
    this.close(() => {
      this.#file = undefined;
      this.#files.remove(this.#path, done);
    });
  }

  get isStuck(): boolean {
    return this.#stuck;
  }

  close(done: () => void): void {
    if (this.#file === undefined) done();
    else this.#file.close(done);
  }

  #advance(): void {
    if (this.#busy) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#busy = true;
    const end = (failed: boolean): void => {
      this.#busy = false;
      job.done(failed ? 'EIO' : undefined);
      this.#advance();
    };
    this.#run(job, (error) => {
      if (error === undefined || this.#failed) return end(error !== undefined);
      this.#failed = true;
      this.#files.remove(this.#path, (removeError) => {
        this.#stuck = removeError !== undefined;
        end(true);
      });
    });
  }

  #run({ offset, data }: Job, finish: Finish): void {
    if (this.#failed) return finish(new EterneError('io', `${this.#path} has failed before`));
    this.#open((file) => {
      if (file instanceof EterneError) return finish(file);
      this.#put(file, encodeRecord(offset, data), (recordError) => {
        if (recordError !== undefined) return finish(recordError);
        this.#inPlace(offset, data, (error) => {
          if (error !== undefined) return finish(error);
          this.#put(file, Buffer.alloc(HEADER_BYTES), finish);
        });
      });
    });
  }

  #open(then: (file: FileHandle | EterneError) => void): void {
    if (this.#file !== undefined) return then(this.#file);
    this.#files.openFile(this.#path, (file) => {
      if (!(file instanceof EterneError)) this.#file = file;
      then(file);
    });
  }

  #put(file: FileHandle, bytes: Buffer, done: Finish): void {
    file.writeAt(0, bytes, (error) => (error === undefined ? file.sync(done) : done(error)));
  }

  #inPlace(offset: number, data: Buffer, done: Finish): void {
    this.#store.write(offset, data, (error) => (error === undefined ? this.#store.flush(done) : done(error)));
  }
}

function encodeRecord(offset: number, data: Buffer): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + data.length);
  record.writeUInt32LE(MAGIC, 0);
  record.writeBigUInt64LE(BigInt(offset), CHECKED_FROM);
  record.writeUInt32LE(data.length, 16);
  data.copy(record, HEADER_BYTES);
  record.writeUInt32LE(crc32c(record.subarray(CHECKED_FROM)), 4);
  return record;
}

/** Undefined: struck out, torn, or never finished. A longer record that was there before may lie behind. */
function decodeRecord(
  content: Buffer,
  storeBytes: number,
): { readonly offset: number; readonly data: Buffer } | undefined {
  if (content.length < HEADER_BYTES || content.readUInt32LE(0) !== MAGIC) return undefined;
  const lengthBytes = content.readUInt32LE(16);
  const end = HEADER_BYTES + lengthBytes;
  if (lengthBytes > MAX_ATOMIC_BYTES || end > content.length) return undefined;
  if (crc32c(content.subarray(CHECKED_FROM, end)) !== content.readUInt32LE(4)) return undefined;
  const offset = Number(content.readBigUInt64LE(CHECKED_FROM));
  return offset + lengthBytes > storeBytes
    ? undefined
    : { offset, data: content.subarray(HEADER_BYTES, end) };
}
