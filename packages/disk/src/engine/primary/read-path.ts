/**
 * Reads of the primary: from the local disk while it is good, else from a peer that is in step.
 *
 * Before a read answers it waits for every unfinished write that overlaps it: it may have seen such a write's data, and must not
 * show what a crash could still take back.
 */
import type { DeviceErrorCode, Extent } from '@eterne/runtime';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import type { MirrorLink } from './mirror.ts';

export type ReadDone = (error: DeviceErrorCode | undefined, data: Buffer) => void;

export interface ReadPathOwner {
  readonly ended: boolean;
  mayReply(): boolean;
  /** A peer that has everything, or undefined. */
  source(): MirrorLink | undefined;
  /** Is this node's own disk whole? */
  readonly localIsGood: boolean;
}

interface Read {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly done: ReadDone;
}

const NOTHING = Buffer.alloc(0);

export class ReadPath {
  readonly #owner: ReadPathOwner;
  readonly #locks: RangeLocks;
  readonly #disk: LocalDisk;
  readonly #slabs: BufferSlabs;
  #held: Read[] = [];
  /** Reads that a peer owes; they start again when it is lost. */
  readonly #remote = new Set<Read>();

  constructor(owner: ReadPathOwner, locks: RangeLocks, disk: LocalDisk, slabs: BufferSlabs) {
    this.#owner = owner;
    this.#locks = locks;
    this.#disk = disk;
    this.#slabs = slabs;
  }

  submit(offset: number, lengthBytes: number, done: ReadDone): void {
    this.#begin({ offset, lengthBytes, done });
  }

  /**
   * A hole is told of the local disk alone, and only while reads are answered from it: what reads as zeroes there does so on every replica.
   * Everything else counts as allocated.
   */
  extentAt(offset: number, lengthBytes: number, done: (extent: Extent) => void): void {
    const unknown: Extent = { lengthBytes, allocated: true };
    if (this.#owner.ended || !this.#owner.mayReply() || !this.#owner.localIsGood) return done(unknown);
    this.#disk.extentAt(offset, (extent) => done(extent ?? unknown));
  }

  /** The gate may have opened, or a peer has come that can serve. */
  resume(): void {
    const held = this.#held;
    this.#held = [];
    for (const read of held) this.#begin(read);
  }

  /** Peers have changed: what one of them owed is asked anew. */
  retryRemote(): void {
    const reads = [...this.#remote];
    this.#remote.clear();
    for (const read of reads) this.#begin(read);
  }

  end(error: DeviceErrorCode): void {
    const reads = [...this.#held, ...this.#remote];
    this.#held = [];
    this.#remote.clear();
    for (const read of reads) read.done(error, NOTHING);
  }

  #begin(read: Read): void {
    if (this.#owner.ended) return read.done('ESHUTDOWN', NOTHING);
    if (!this.#owner.mayReply()) return void this.#held.push(read);
    this.#fetch(read);
  }

  #fetch(read: Read): void {
    if (!this.#owner.localIsGood) return this.#fetchFromPeer(read);
    const into = this.#slabs.take(read.lengthBytes);
    this.#disk.read(read.offset, into, (error) => {
      if (error === undefined) this.#answer(read, into);
      else this.#fetchFromPeer(read);
    });
  }

  #fetchFromPeer(read: Read): void {
    if (this.#owner.ended) return read.done('ESHUTDOWN', NOTHING);
    const source = this.#owner.source();
    if (source === undefined) {
      if (this.#owner.localIsGood) read.done('EIO', NOTHING);
      else this.#held.push(read);
      return;
    }
    this.#remote.add(read);
    source.read(read.offset, read.lengthBytes, (data) => {
      if (!this.#remote.delete(read)) return;
      if (data === undefined) read.done('EIO', NOTHING);
      else this.#answer(read, data);
    });
  }

  #answer(read: Read, data: Buffer): void {
    if (this.#locks.whenClear(read.offset, read.lengthBytes, () => this.#reply(read, data)))
      this.#reply(read, data);
  }

  #reply(read: Read, data: Buffer): void {
    if (this.#owner.ended) read.done('ESHUTDOWN', NOTHING);
    else if (this.#owner.mayReply()) read.done(undefined, data);
    else this.#held.push(read);
  }
}
