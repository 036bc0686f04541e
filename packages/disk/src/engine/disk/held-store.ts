import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import type { RegionStore } from './region-store.ts';

type Changed = (offset: number, lengthBytes: number) => void;

/**
 * A store whose user can be made to wait for a moment: nothing is in flight then, and what is asked for waits. As much waits as the user has in flight at
 * once, which it bounds itself.
 */
export class HeldStore implements BlockStore {
  readonly canPunch: boolean;
  readonly nextExtent?: (
    offset: number,
    done: (error: StoreError | undefined, extent: Extent) => void,
  ) => void;
  readonly #store: RegionStore;
  #inFlight = 0;
  /** Held while it is there. */
  #waiting: (() => void)[] | undefined;
  #onQuiet: (() => void) | undefined;
  #failure: StoreError | undefined;
  /** Hears of everything that changes content, when it is begun and when it is done. */
  onChange: Changed | undefined;

  constructor(store: RegionStore) {
    this.#store = store;
    this.canPunch = store.canPunch;
    if (store.nextExtent !== undefined)
      this.nextExtent = (offset, done) => {
        const rest = { lengthBytes: this.sizeBytes - offset, allocated: true };
        let found: Extent = rest;
        const look = (ended: StoreDone): void =>
          store.nextExtent?.(offset, (error, extent) => {
            found = extent;
            ended(error);
          });
        this.#perform(look, (error) => done(error, error === undefined ? found : rest));
      };
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#perform((ended) => this.#store.read(offset, into, ended), done);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    const act = (ended: StoreDone): void => this.#store.write(offset, from, ended);
    this.#change(offset, from.length, act, done);
  }

  flush(done: StoreDone): void {
    this.#perform((ended) => this.#store.flush(ended), done);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    const act = (ended: StoreDone): void => this.#store.discard(offset, lengthBytes, ended);
    this.#change(offset, lengthBytes, act, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    const act = (ended: StoreDone): void => this.#store.writeZeroes(offset, lengthBytes, mayPunch, ended);
    this.#change(offset, lengthBytes, act, done);
  }

  grow(sizeBytes: number, done: StoreDone): void {
    this.#perform((ended) => this.#store.grow(sizeBytes, ended), done);
  }

  close(done: () => void): void {
    this.#store.close(done);
  }

  /** `quiet` once nothing is in flight any more. */
  hold(quiet: () => void): void {
    this.#waiting = [];
    this.#onQuiet = quiet;
    this.#sayIfQuiet();
  }

  /** With `failure` nothing works from here on. */
  release(failure?: StoreError): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#failure = failure;
    for (const go of waiting) go();
  }

  #change(offset: number, lengthBytes: number, act: (ended: StoreDone) => void, done: StoreDone): void {
    const changing = (ended: StoreDone): void => {
      this.onChange?.(offset, lengthBytes);
      act((error) => {
        this.onChange?.(offset, lengthBytes);
        ended(error);
      });
    };
    this.#perform(changing, done);
  }

  #perform(act: (ended: StoreDone) => void, done: StoreDone): void {
    if (this.#failure !== undefined) return done(this.#failure);
    if (this.#waiting !== undefined) return void this.#waiting.push(() => this.#perform(act, done));
    this.#inFlight += 1;
    act((error) => {
      this.#inFlight -= 1;
      done(error);
      this.#sayIfQuiet();
    });
  }

  #sayIfQuiet(): void {
    if (this.#inFlight > 0) return;
    const quiet = this.#onQuiet;
    this.#onQuiet = undefined;
    quiet?.();
  }
}
