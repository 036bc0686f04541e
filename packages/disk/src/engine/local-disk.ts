import { assert } from '@eterne/base';
import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import { BLOCK_BYTES } from '../metadata/index.ts';
import { inTurn, type Step } from './disk/in-turn.ts';
import { noStore } from './disk/no-store.ts';
import { probe } from './disk/probe.ts';
import type { RemappingStore } from './disk/remapping-store.ts';
import { makeRoom } from '../grow-store.ts';
import { Gauge } from './gauge.ts';
import type { WriteGuard } from '../rescue/api.ts';

const MAX_SUSPECTS = 64;

type WriteWatcher = (offset: number, lengthBytes: number) => void;

/** What becomes known of a disk besides the answers to requests. */
export interface LocalDiskOwner {
  /** It is `failed` from now on; once. */
  failed(error: StoreError): void;
  /** These bytes cannot be read, while the rest can. */
  unreadable(offset: number, lengthBytes: number): void;
  /** Somebody else has reserved the device: no disk error, but this node must not serve from it any more. */
  reservedByOther(error: StoreError): void;
}

/**
 * The backing store of a replica with its fate (DESIGN §4 "Errors"):
 *
 * - A device error, a timeout or a failed flush makes it `failed` for good (a failed fsync is never retried: the kernel has
 *   dropped the pages). So does a write of a peer that is refused for lack of room: this replica cannot follow.
 * - Nobody reads a failed disk, nor flushes it, also where it would answer: others have what was written since.
 * - A write of the application that is refused for lack of room is answered with that, and the disk is as good as before.
 * - A bad sector is remapped when it is written (`RemappingStore`); when it is read its content is asked for elsewhere.
 */
export class LocalDisk {
  readonly #store: RemappingStore;
  readonly #owner: LocalDiskOwner;
  #failure: StoreError | undefined;
  #ioErrors = 0;
  readonly #watchers = new Set<WriteWatcher>();
  #isRebuilding = false;
  #isDetached = false;
  /** Could not be read, and a probe is to tell whether it is them or the device. */
  readonly #suspects: { readonly offset: number; readonly lengthBytes: number }[] = [];
  /** Writes of this node's own primary that have not left the store yet. */
  readonly own = new Gauge();
  /** Writes that came from peers, and blocks being copied in, that have not left the store yet. Each peer has a part of it. */
  readonly foreign = new Gauge();
  /** Saves what is about to be overwritten; undefined while nothing need be kept. */
  guard: WriteGuard | undefined;

  constructor(store: RemappingStore, owner: LocalDiskOwner) {
    this.#store = store;
    this.#owner = owner;
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** Failed once, attached again, and not whole yet: it takes writes, and is failed in every other respect. */
  get isRebuilding(): boolean {
    return this.#isRebuilding;
  }

  get isDetached(): boolean {
    return this.#isDetached;
  }

  get takesWrites(): boolean {
    return this.#failure === undefined || this.#isRebuilding;
  }

  get ioErrors(): number {
    return this.#ioErrors;
  }

  get remappedBlocks(): number {
    return this.#store.remappedBlocks;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    if (this.#failure !== undefined) return done(this.#failure);
    this.#store.read(offset, into, (error) => {
      if (error !== undefined) this.#failedRead(offset, into.length, error);
      done(error);
    });
  }

  /** For whoever repairs: a failure is no news. */
  canRead(offset: number, lengthBytes: number, done: (isReadable: boolean) => void): void {
    const into = Buffer.allocUnsafeSlow(lengthBytes);
    this.#store.read(offset, into, (error) => done(error === undefined));
  }

  /** The extent that begins at `offset`, or undefined where the store cannot tell. */
  extentAt(offset: number, done: (extent: Extent | undefined) => void): void {
    if (this.#failure !== undefined) return done(undefined);
    this.#store.nextExtent(offset, (error, extent) => done(error === undefined ? extent : undefined));
  }

  /** `watcher` hears of every write before the store does. Returns what ends that. */
  watchWrites(watcher: WriteWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** `data` undefined: zeroes. `gauge` is `own`, or a peer's part of `foreign`. */
  write(
    gauge: Gauge,
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    done: StoreDone,
  ): void {
    for (const watcher of this.#watchers) watcher(offset, lengthBytes);
    gauge.enter();
    const finished = (error: StoreError | undefined): void => {
      if (error !== undefined) this.#failedWrite(error, gauge === this.own);
      done(error);
      gauge.leave();
    };
    const { guard } = this;
    if (guard === undefined) return this.#put(offset, lengthBytes, data, mayPunch, finished);
    guard.beforeWrite(offset, lengthBytes, data, (refusal) => {
      if (refusal === undefined) return this.#put(offset, lengthBytes, data, mayPunch, finished);
      done(refusal);
      gauge.leave();
    });
  }

  #put(
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    done: StoreDone,
  ): void {
    if (data !== undefined) this.#store.write(offset, data, done);
    else this.#store.writeZeroes(offset, lengthBytes, mayPunch, done);
  }

  /** It is at least `endBytes` long, and zero from `startBytes` on, durably: what lies there belongs to nobody yet. */
  grow(startBytes: number, endBytes: number, done: StoreDone): void {
    makeRoom(this.#store, startBytes, endBytes, (error) => {
      // No room is no disk error, and the volume needs none of what is copied or zeroed here.
      const isHarmless = error === undefined || error.kind === 'logical' || error.kind === 'sector';
      if (!isHarmless) this.#failedWrite(error, true);
      done(error);
    });
  }

  flush(done: StoreDone): void {
    if (!this.takesWrites) return done(this.#failure);
    this.#store.flush((error) => {
      if (error !== undefined) this.fail(error);
      done(error);
    });
  }

  /**
   * Puts the good content back where reading failed: written, flushed, read back and compared block by block; a block that does not compare
   * is moved to the spare area. `done` with the error when even that fails. `offset` is a block's.
   */
  repair(gauge: Gauge, offset: number, good: Buffer, done: StoreDone): void {
    const blocks: Step[] = [];
    for (let at = 0; at < good.length; at += BLOCK_BYTES) {
      const block = good.subarray(at, at + BLOCK_BYTES);
      blocks.push((next) => this.#verify(offset + at, block, next));
    }
    const steps: Step[] = [
      (next) => this.write(gauge, offset, good.length, good, false, next),
      (next) => this.flush(next),
      ...blocks,
      (next) => this.flush(next),
    ];
    gauge.enter();
    inTurn(steps, (error) => {
      done(error);
      gauge.leave();
    });
  }

  close(done: () => void): void {
    this.#store.close(done);
  }

  /** Declares the disk failed, also from outside: its metadata could not be written. */
  fail(error: StoreError): void {
    this.#ioErrors += 1;
    if (this.#failure !== undefined && !this.#isRebuilding) return;
    this.#isRebuilding = false;
    this.#failure = error;
    this.#owner.failed(error);
  }

  /** Gives the device back: it may be taken away once `done`. */
  detach(done: () => void): void {
    this.#isDetached = true;
    this.fail({ kind: 'device', errno: 'ENODEV', message: 'detached by the operator' });
    this.letGo(done);
  }

  /** The device of a failed disk is locked no more once `done`. */
  letGo(done: () => void): void {
    assert(this.#failure !== undefined, 'only a failed disk is let go of');
    this.#store.replaceData(noStore(this.#store.sizeBytes)).close(done);
  }

  /** A failed disk is there again, or another in its place: from now on it takes writes; `rebuilt` when it has every block. */
  attach(data: BlockStore): void {
    assert(this.#failure !== undefined, 'only a failed disk is replaced');
    const before = this.#store.replaceData(data);
    this.#isDetached = false;
    this.#isRebuilding = true;
    before.close(() => {});
  }

  /** It has not got every block yet, and a peer that has serves: it takes writes; `rebuilt` when it is whole. */
  lacksBlocks(): void {
    assert(this.#failure === undefined, 'a failed disk is attached, not filled');
    this.#failure = { kind: 'device', errno: 'ENODATA', message: 'not every block is copied yet' };
    this.#isRebuilding = true;
  }

  rebuilt(): void {
    assert(this.#isRebuilding, 'a rebuild ends once');
    this.#isRebuilding = false;
    this.#failure = undefined;
  }

  #verify(offset: number, good: Buffer, done: StoreDone): void {
    const back = Buffer.allocUnsafeSlow(good.length);
    this.#store.read(offset, back, (readError) => {
      if (readError === undefined && back.equals(good)) return done(undefined);
      this.#store.retire(offset, good, (error) => {
        if (error !== undefined) this.fail(error);
        done(error);
      });
    });
  }

  #failedWrite(error: StoreError, isOwn: boolean): void {
    if (error.kind === 'logical' && isOwn && this.#failure === undefined) this.#ioErrors += 1;
    else if (error.kind === 'reservation-conflict') this.#owner.reservedByOther(error);
    else this.fail(error);
  }

  #failedRead(offset: number, lengthBytes: number, error: StoreError): void {
    if (error.kind === 'reservation-conflict') return this.#owner.reservedByOther(error);
    if (error.kind !== 'sector') return this.fail(error);
    this.#ioErrors += 1;
    if (this.#failure !== undefined || this.#suspects.length >= MAX_SUSPECTS) return;
    this.#suspects.push({ offset, lengthBytes });
    if (this.#suspects.length > 1) return;
    probe(this.#store, (isAlive) => {
      const suspects = this.#suspects.splice(0);
      if (!isAlive) return this.fail({ ...error, kind: 'device' });
      for (const suspect of suspects) this.#owner.unreadable(suspect.offset, suspect.lengthBytes);
    });
  }
}
