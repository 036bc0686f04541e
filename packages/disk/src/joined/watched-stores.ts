import { EterneError } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError, Stores } from '@eterne/runtime';

export interface StoreWatch {
  /** May a device be taken from another host? Only when somebody has just said that this host is to serve. Asked when it comes to that. */
  mayPreempt(): boolean;
  /** Another host has taken the device: it may be writing. */
  reservedByOther(message: string): void;
  /** Nobody writes to the device, and it does not answer any more. */
  lost(message: string): void;
}

/** `Stores` whose owner hears of a lost reservation on whatever lies on a device, data or metadata. */
export class WatchedStores implements Stores {
  readonly #stores: Stores;
  readonly #watch: StoreWatch;
  /** LUNs for writing. */
  readonly #luns = new Set<WatchedStore>();

  constructor(stores: Stores, watch: StoreWatch) {
    this.#stores = stores;
    this.#watch = watch;
  }

  open: Stores['open'] = (path, options, done) => {
    this.#stores.open(path, { ...options, mayPreempt: () => this.#watch.mayPreempt() }, (store) => {
      if (store instanceof EterneError) return done(store);
      const watched = new WatchedStore(store, this.#watch, () => this.#luns.delete(watched));
      if (path.startsWith('iscsi://') && options.readOnly !== true) this.#luns.add(watched);
      done(watched);
    });
  };

  /**
   * Are the LUNs there, and still ours? Other hosts may read a LUN that we have reserved, and so may we one that we have lost: only a write
   * or flush tells.
   */
  probe(done: (isOurs: boolean) => void): void {
    let left = 1;
    let isOurs = true;
    const answered = (error?: StoreError): void => {
      isOurs &&= error === undefined;
      left -= 1;
      if (left === 0) done(isOurs);
    };
    for (const lun of this.#luns) {
      left += 1;
      lun.flush(answered);
    }
    answered();
  }

  /** As `probe`, of those only that nobody wrote to since the last time. */
  probeIdle(): void {
    for (const lun of this.#luns) lun.probeIfIdle();
  }
}

class WatchedStore implements BlockStore {
  readonly canPunch: boolean;
  readonly nextExtent?: NonNullable<BlockStore['nextExtent']>;
  readonly grow?: NonNullable<BlockStore['grow']>;
  readonly #store: BlockStore;
  readonly #watch: StoreWatch;
  readonly #closed: () => void;
  /** Since the last probe. */
  #wasWritten = false;

  constructor(store: BlockStore, watch: StoreWatch, closed: () => void) {
    this.#store = store;
    this.#watch = watch;
    this.#closed = closed;
    this.canPunch = store.canPunch;
    if (store.nextExtent !== undefined)
      this.nextExtent = (offset, done: (error: StoreError | undefined, extent: Extent) => void) =>
        store.nextExtent?.(offset, done);
    if (store.grow !== undefined)
      this.grow = (sizeBytes, done) => store.grow?.(sizeBytes, this.#checked(done));
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  probeIfIdle(): void {
    if (!this.#wasWritten) this.flush((error) => this.#lostIdle(error));
    this.#wasWritten = false;
  }

  #lostIdle(error: StoreError | undefined): void {
    if (error !== undefined && error.kind !== 'reservation-conflict') this.#watch.lost(error.message);
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#store.read(offset, into, this.#checked(done));
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#wasWritten = true;
    this.#store.write(offset, from, this.#checked(done));
  }

  flush(done: StoreDone): void {
    this.#store.flush(this.#checked(done));
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.#store.discard(offset, lengthBytes, this.#checked(done));
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#wasWritten = true;
    this.#store.writeZeroes(offset, lengthBytes, mayPunch, this.#checked(done));
  }

  close(done: () => void): void {
    this.#closed();
    this.#store.close(done);
  }

  #checked(done: StoreDone): StoreDone {
    return (error) => {
      if (error?.kind === 'reservation-conflict') this.#watch.reservedByOther(error.message);
      done(error);
    };
  }
}
