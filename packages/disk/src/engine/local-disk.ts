import type { BlockStore, StoreDone, StoreError } from '@eterne/runtime';
import { Gauge } from './gauge.ts';

/**
 * The backing store of a replica with its fate. A failed write or flush, a timeout or a device error makes it `failed` for good (a failed
 * fsync is never retried: the kernel has dropped the pages); a read that fails alone only counts.
 */
export class LocalDisk {
  readonly #store: BlockStore;
  readonly #onFailed: (error: StoreError) => void;
  #failure: StoreError | undefined;
  #ioErrors = 0;
  /** Writes of this node's own primary that have not left the store yet. */
  readonly own = new Gauge();
  /** Writes that came from peers, and blocks being copied in, that have not left the store yet. */
  readonly foreign = new Gauge();

  constructor(store: BlockStore, onFailed: (error: StoreError) => void) {
    this.#store = store;
    this.#onFailed = onFailed;
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  get failure(): StoreError | undefined {
    return this.#failure;
  }

  get ioErrors(): number {
    return this.#ioErrors;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#store.read(offset, into, (error) => {
      if (error !== undefined) this.#failedRead(error);
      done(error);
    });
  }

  /** `data` undefined: zeroes. `gauge` is `own` or `foreign`. */
  write(
    gauge: Gauge,
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    done: StoreDone,
  ): void {
    gauge.enter();
    const finished = (error: StoreError | undefined): void => {
      if (error !== undefined) this.fail(error);
      done(error);
      gauge.leave();
    };
    if (data !== undefined) this.#store.write(offset, data, finished);
    else this.#store.writeZeroes(offset, lengthBytes, mayPunch, finished);
  }

  flush(done: StoreDone): void {
    this.#store.flush((error) => {
      if (error !== undefined) this.fail(error);
      done(error);
    });
  }

  close(done: () => void): void {
    this.#store.close(done);
  }

  /** Declares the disk failed, also from outside: its metadata could not be written. */
  fail(error: StoreError): void {
    this.#ioErrors += 1;
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onFailed(error);
  }

  #failedRead(error: StoreError): void {
    if (error.kind === 'sector' || error.kind === 'logical') this.#ioErrors += 1;
    else this.fail(error);
  }
}
