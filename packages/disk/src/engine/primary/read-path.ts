/**
 * Reads of the primary: from the local disk or a peer that is in step, as the read policy says; from a peer alone when the local disk is not
 * good, or could not read it.
 *
 * Before a read answers it waits for every unfinished write that overlaps it: it may have seen such a write's data, and must not
 * show what a crash could still take back.
 */
import type { DeviceErrorCode, Extent } from '@eterne/runtime';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import type { ReadPolicy } from '../api.ts';
import type { MirrorLink } from './mirror.ts';
import { ReadBalance } from './read-balance.ts';

export type ReadDone = (error: DeviceErrorCode | undefined, data: Buffer) => void;

export interface ReadPathOwner {
  readonly ended: boolean;
  mayReply(): boolean;
  /** Peers that have everything in the range. */
  sources(offset: number, lengthBytes: number): readonly MirrorLink[];
  /** Is this node's own disk whole? */
  readonly localIsGood: boolean;
  /** Does this node lack content there that no file system used when everything was copied to it? */
  isUndefined(offset: number, lengthBytes: number): boolean;
}

interface Read {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly done: ReadDone;
  /** The local disk could not read it. */
  isUnreadable: boolean;
  /** Peers that could not read it. */
  readonly refusedBy: MirrorLink[];
}

const NOTHING = Buffer.alloc(0);

export class ReadPath {
  readonly #owner: ReadPathOwner;
  readonly #locks: RangeLocks;
  readonly #disk: LocalDisk;
  readonly #slabs: BufferSlabs;
  readonly #balance: ReadBalance;
  #held: Read[] = [];
  /** Reads that a peer owes; they start again when it is lost. */
  readonly #remote = new Set<Read>();

  constructor(
    owner: ReadPathOwner,
    locks: RangeLocks,
    disk: LocalDisk,
    slabs: BufferSlabs,
    policy: ReadPolicy,
  ) {
    this.#owner = owner;
    this.#balance = new ReadBalance(policy);
    this.#locks = locks;
    this.#disk = disk;
    this.#slabs = slabs;
  }

  submit(offset: number, lengthBytes: number, done: ReadDone): void {
    this.#begin({ offset, lengthBytes, done, isUnreadable: false, refusedBy: [] });
  }

  /**
   * A hole is told of the local disk alone, and only while reads are answered from it: what reads as zeroes there does so on every replica.
   * Everything else counts as allocated.
   */
  extentAt(offset: number, lengthBytes: number, done: (extent: Extent) => void): void {
    const unknown: Extent = { lengthBytes, allocated: true };
    const isLocal = this.#owner.localIsGood && !this.#owner.isUndefined(offset, lengthBytes);
    if (this.#owner.ended || !this.#owner.mayReply() || !isLocal) return done(unknown);
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
    const { lengthBytes, offset } = read;
    if (!this.#owner.localIsGood || read.isUnreadable) return this.#fetchElsewhere(read);
    if (this.#owner.isUndefined(offset, lengthBytes)) return this.#fetchFromSource(read);
    if (this.#balance.isLocal) return this.#fetchLocally(read);
    const peer = this.#balance.pick(offset, this.#owner.sources(offset, lengthBytes));
    if (peer === undefined) this.#fetchLocally(read);
    else this.#fetchFrom(peer, read);
  }

  /** Undefined blocks are read where they came from, as long as that is there. */
  #fetchFromSource(read: Read): void {
    const [peer] = this.#owner.sources(read.offset, read.lengthBytes);
    if (peer === undefined) this.#fetchLocally(read);
    else this.#fetchFrom(peer, read);
  }

  #fetchLocally(read: Read): void {
    const into = this.#slabs.take(read.lengthBytes);
    this.#balance.began(undefined, read.lengthBytes);
    this.#disk.read(read.offset, into, (error) => {
      this.#balance.ended(undefined, read.lengthBytes);
      if (error === undefined) return this.#answer(read, into);
      read.isUnreadable = true;
      this.#fetchElsewhere(read);
    });
  }

  #fetchElsewhere(read: Read): void {
    if (this.#owner.ended) return read.done('ESHUTDOWN', NOTHING);
    const peer = this.#owner
      .sources(read.offset, read.lengthBytes)
      .find((source) => !read.refusedBy.includes(source));
    if (peer !== undefined) this.#fetchFrom(peer, read);
    else if (this.#owner.localIsGood || read.refusedBy.length > 0) read.done('EIO', NOTHING);
    else this.#held.push(read);
  }

  #fetchFrom(peer: MirrorLink, read: Read): void {
    this.#remote.add(read);
    this.#balance.began(peer, read.lengthBytes);
    peer.read(read.offset, read.lengthBytes, (data) => {
      this.#balance.ended(peer, read.lengthBytes);
      if (!this.#remote.delete(read)) return;
      if (data !== undefined) return this.#answerFrom(peer, read, data);
      read.refusedBy.push(peer);
      if (this.#owner.localIsGood && !read.isUnreadable) this.#fetchLocally(read);
      else this.#fetchElsewhere(read);
    });
  }

  /**
   * The peer's content may be that of a write which this node's disk has refused since: it will be copied over, and must not be seen before. Once the writes
   * that overlap are settled, bits tell.
   */
  #answerFrom(peer: MirrorLink, read: Read, data: Buffer): void {
    const { lengthBytes, offset } = read;
    const answer = (): void => {
      const isRefused = !this.#owner.sources(offset, lengthBytes).includes(peer);
      if (isRefused && this.#owner.localIsGood && !read.isUnreadable) this.#begin(read);
      else this.#reply(read, data);
    };
    if (this.#locks.whenClear(offset, lengthBytes, answer)) answer();
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
