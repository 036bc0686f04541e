/**
 * An append-only book of numbered, checksummed records on a block device. A record is acknowledged after it was written *and* a flush
 * that began afterwards has succeeded; whatever waits meanwhile shares the next write and flush.
 */
import { EterneError, MIB } from '@eterne/base';
import type { NbdClient } from '@eterne/disk/nbd/client/client.ts';
import { RECORD_BYTES, decodeRecord, encodeRecord } from './record.ts';

/** Records that share one write and flush. */
const BATCH_MAX = 256;
const WAITING_MAX = 4096;
const SCAN_BYTES = MIB;

export interface Receipt {
  readonly number: number;
  readonly checksum: number;
}

type AppendDone = (result: Receipt | EterneError) => void;

interface Waiting {
  readonly payload: Buffer;
  readonly done: AppendDone;
}

export class Ledger {
  readonly #device: NbdClient;
  #next: number;
  #lastChecksum: number;
  #waiting: Waiting[] = [];
  #busy = false;
  #failed: EterneError | undefined;

  private constructor(device: NbdClient, next: number, lastChecksum: number) {
    this.#device = device;
    this.#next = next;
    this.#lastChecksum = lastChecksum;
  }

  /** Reads the chain of records from the start to its end. */
  static open(device: NbdClient, done: (result: Ledger | EterneError) => void): void {
    let next = 0;
    let lastChecksum = 0;
    const scan = (offset: number): void => {
      const chunk = Buffer.alloc(Math.min(SCAN_BYTES, device.sizeBytes - offset));
      device.read(offset, chunk, (error) => {
        if (error) return done(error);
        for (let at = 0; at < chunk.length; at += RECORD_BYTES) {
          const record = decodeRecord(chunk.subarray(at, at + RECORD_BYTES));
          if (record?.number !== next || record.previousChecksum !== lastChecksum) {
            return done(new Ledger(device, next, lastChecksum));
          }
          next += 1;
          lastChecksum = record.checksum;
        }
        if (offset + chunk.length === device.sizeBytes) return done(new Ledger(device, next, lastChecksum));
        scan(offset + chunk.length);
      });
    };
    scan(0);
  }

  get count(): number {
    return this.#next;
  }

  /** Errors: `io`/`unreachable` (it may or may not have been written), `no-space`, `busy` (too many waiting: nothing was written). */
  append(payload: Buffer, done: AppendDone): void {
    if (this.#failed) return done(this.#failed);
    if (this.#waiting.length >= WAITING_MAX)
      return done(new EterneError('busy', 'too many records are waiting'));
    this.#waiting.push({ payload, done });
    this.#work();
  }

  read(number: number, done: (result: Buffer | EterneError) => void): void {
    const slot = Buffer.alloc(RECORD_BYTES);
    this.#device.read(number * RECORD_BYTES, slot, (error) => done(error ?? slot));
  }

  #work(): void {
    if (this.#busy || this.#waiting.length === 0) return;
    const room = Math.floor(this.#device.sizeBytes / RECORD_BYTES) - this.#next;
    const batch = this.#waiting.splice(0, Math.min(BATCH_MAX, Math.max(room, 1)));
    if (room === 0) {
      for (const { done } of batch) done(new EterneError('no-space', 'the ledger is full'));
      return this.#work();
    }
    this.#busy = true;
    this.#writeBatch(batch);
  }

  #writeBatch(batch: readonly Waiting[]): void {
    const bytes = Buffer.alloc(batch.length * RECORD_BYTES);
    const receipts = batch.map(({ payload }, index): Receipt => {
      const number = this.#next + index;
      this.#lastChecksum = encodeRecord(bytes, index * RECORD_BYTES, number, this.#lastChecksum, payload);
      return { number, checksum: this.#lastChecksum };
    });
    this.#device.write(this.#next * RECORD_BYTES, bytes, false, (writeError) => {
      if (writeError) return this.#fail(writeError, batch);
      this.#device.flush((flushError) => {
        if (flushError) return this.#fail(flushError, batch);
        this.#next += batch.length;
        this.#busy = false;
        batch.forEach(({ done }, index) => done(receipts[index] ?? new EterneError('io', 'no receipt')));
        this.#work();
      });
    });
  }

  /** After a failed write or flush nobody knows what is on the disk: only a new `open` tells. */
  #fail(error: EterneError, batch: readonly Waiting[]): void {
    this.#failed = error;
    for (const { done } of [...batch, ...this.#waiting]) done(error);
    this.#waiting = [];
  }
}
