/**
 * The way of a write through the primary. Its duties, in order:
 *
 * 1. It waits for earlier overlapping writes and for blocks being copied (range lock).
 * 2. The activity log covers it, durably, before any replica sees it.
 * 3. It is sent to every replicating peer before the local write starts; a peer that is not replicating gets dirty bits instead. When
 *    this node's own disk has failed, or what it has not got yet is written, it is the one that lacks the write: bits for every peer.
 * 4. The front end hears of it when every *needed* replica had it and the primary may reply.
 * 5. When only replicas are left to answer that no reply waits for (an asynchronous peer, or one that is still being copied to), it
 *    *trails*: its range is given back, the activity log goes on covering it.
 * 6. When nobody is left to answer, its blocks join the flush epoch, and its log references are given back.
 */
import { assert } from '@eterne/base';
import type { DeviceErrorCode, StoreError } from '@eterne/runtime';
import type { ActivityLog } from '../../metadata/api.ts';
import { Chain } from '../chain.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import type { FlushRounds } from './flush-rounds.ts';
import type { Mirror } from './mirror.ts';
import { LOCAL_BIT, type WriteOp } from './write-op.ts';

/** How many writes, and how many bytes of them, may be under way; more wait at the entry, where the front ends bound them. */
export interface WriteWindowSize {
  readonly writes: number;
  readonly bytes: number;
}

/** What the write path asks of the primary that owns it. */
export interface WritePathOwner {
  /** The primary's term is over: nothing is issued any more. */
  readonly ended: boolean;
  /** May a write enter? When not, the owner calls `admitQueued` later. Called with a write at hand, so it may prepare for one. */
  mayAdmit(): boolean;
  /** Replies are withheld while this is false; the owner calls `replyHeld` later. */
  mayReply(): boolean;
  /** Bits of the replicas whose having it a reply waits for. */
  readonly needed: number;
  /** All I/O is frozen until a lost replica is back and equal. */
  readonly isOnHold: boolean;
  readonly mirrors: readonly Mirror[];
  readonly window: WriteWindowSize;
  /** The window is full, mostly of what trails. The owner may let some peer go; otherwise the entry stays shut until the peers have caught up. */
  congested(): void;
  /** Does the next write belong behind everything that was flushed so far? Asked once for each write that is issued. */
  takeBarrier(): boolean;
  /** Is every block of the range still to be copied to this node's own disk? */
  localWillCopy(offset: number, lengthBytes: number): boolean;
  /** This node's clock for `WriteOp.issuedMs`; 0 where nobody looks at it. */
  issueTimeMs(): number;
  /** Calls `done` when everything answered so far is as durable as the volume's mode promises. */
  makeDurable(done: () => void): void;
  /** Runs `WritePath.endTurn` when the event at hand is over. */
  scheduleTurn(): void;
  metadataFailed(): void;
  /** The local disk has refused a write that peers may have taken; bits for all of them say so. */
  writeRefused(): void;
}

export class WritePath {
  readonly #owner: WritePathOwner;
  readonly #locks: RangeLocks;
  readonly #log: ActivityLog;
  readonly #disk: LocalDisk;
  readonly #flushes: FlushRounds;
  readonly #inFlight = new Chain<WriteOp>();
  /**
   * Not in flight any more, and not settled either: they wait for a lost replica to come back. Their ranges are free, so that
   * the blocks can be copied to it; readers are frozen meanwhile.
   */
  readonly #awaitingReturn = new Set<WriteOp>();
  #inFlightBytes = 0;
  readonly #trailing = new Chain<WriteOp>();
  #trailingBytes = 0;
  #queue: WriteOp[] = [];
  #localWrites: WriteOp[] = [];
  #heldReplies: WriteOp[] = [];
  /** Had by everybody needed, and waiting for the flush that they asked for. */
  readonly #flushing = new Set<WriteOp>();
  #onDrained: (() => void)[] = [];
  #watches: { readonly bit: number; readonly open: Set<WriteOp>; readonly fire: () => void }[] = [];

  constructor(
    owner: WritePathOwner,
    parts: {
      readonly locks: RangeLocks;
      readonly log: ActivityLog;
      readonly disk: LocalDisk;
      readonly flushes: FlushRounds;
    },
  ) {
    this.#owner = owner;
    this.#locks = parts.locks;
    this.#log = parts.log;
    this.#disk = parts.disk;
    this.#flushes = parts.flushes;
  }

  get isIdle(): boolean {
    return this.#unfinishedCount() + this.#awaitingReturn.size + this.#queue.length === 0;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** The flush epoch of the oldest write that some replica has not answered. */
  get oldestEpoch(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { epoch } of this.#issued()) oldest = Math.min(oldest, epoch);
    return oldest;
  }

  forEachUnfinished(each: (offset: number, lengthBytes: number) => void): void {
    for (const { lengthBytes, offset } of this.#issued()) each(offset, lengthBytes);
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  /** Writes that wait for something else than a replica that is about to answer. */
  get heldCount(): number {
    let held = this.#queue.length + this.#heldReplies.length + this.#awaitingReturn.size;
    for (const op of this.#inFlight) if ((op.waiting & ~op.sent & ~LOCAL_BIT) !== 0) held += 1;
    return held;
  }

  submit(op: WriteOp): void {
    if (this.#queue.length === 0 && this.#hasRoom() && this.#owner.mayAdmit()) this.#admit(op);
    else this.#queue.push(op);
  }

  admitQueued(): void {
    while (this.#queue.length > 0 && this.#hasRoom() && this.#owner.mayAdmit()) {
      // Asking may have let the queue through already, from within.
      const op = this.#queue.shift();
      if (op !== undefined) this.#admit(op);
    }
  }

  /** Fails what waits at the entry. */
  rejectQueued(error: DeviceErrorCode): void {
    for (const op of this.#queue.splice(0)) op.reply(error);
  }

  /** Its range is locked: cover it by the activity log, then send it on its way. */
  start(op: WriteOp): void {
    if (this.#owner.ended) return this.#abandon(op);
    op.logged = true;
    if (this.#log.tryTouch(op.offset, op.lengthBytes)) return this.#issue(op);
    this.#log.touch(op.offset, op.lengthBytes, (error) => this.#touched(op, error !== undefined));
  }

  #touched(op: WriteOp, failed: boolean): void {
    if (failed) {
      op.logged = false;
      this.#owner.metadataFailed();
    }
    if (this.#owner.ended) this.#abandon(op);
    else this.#issue(op);
  }

  /** Peers first, then the local disk: the wire works while this node writes. */
  endTurn(): void {
    for (const mirror of this.#owner.mirrors) mirror.link?.flushSendBuffer();
    const writes = this.#localWrites;
    this.#localWrites = [];
    for (const op of writes) {
      // A disk that refuses one of them at once may end the term. The others are answered by then, and their memory may serve again.
      if (this.#owner.ended) return;
      this.#writeLocally(op);
    }
  }

  /** The peer says that it had the write. */
  acknowledged(op: WriteOp, bit: number): void {
    op.lent &= ~bit;
    this.confirm(op, bit);
  }

  /** `bit` had the write, or is waited for no more. */
  confirm(op: WriteOp, bit: number): void {
    op.waiting &= ~bit;
    if (this.#watches.length > 0) this.#notifyWatches(op, bit);
    if (!op.settled && (op.waiting & this.#owner.needed) === 0) this.#settle(op);
    if (this.#isFinished(op)) this.#finish(op);
    else if (this.#mayTrail(op)) this.#trail(op);
  }

  /** `isOnHold` has become true: what only a lost replica could answer leaves. */
  holdBegun(): void {
    for (const op of this.#issued()) if (this.#isFinished(op)) this.#finish(op);
  }

  /**
   * The needed set has shrunk, or a peer has everything by another way: `bits` are waited for no more where they never will answer. Also by what
   * trails: a peer that it was sent to may have come into the set since, and been lost as a member.
   */
  forgetUnsent(bits: number): void {
    for (const op of [...this.#trailing, ...this.#inFlight, ...this.#awaitingReturn])
      if (op.issued) this.confirm(op, bits & ~op.sent);
  }

  /** Everything in flight that the peer was sent is dirty for it, had or not: nothing says that it is on stable storage. */
  peerLost(mirror: Mirror): void {
    const { bit } = mirror;
    this.#watches = this.#watches.filter((watch) => watch.bit !== bit);
    for (const op of [...this.#trailing, ...this.#inFlight]) {
      if ((op.sent & bit) === 0) continue;
      op.sent &= ~bit;
      mirror.bitmap.markDirty(op.offset, op.lengthBytes);
      if ((this.#owner.needed & bit) === 0) this.confirm(op, bit);
    }
  }

  /** This node's disk has failed: what is in flight may be missing on it, so it differs from every peer. */
  localLost(): void {
    for (const op of this.#issued()) this.#markForAll(op);
  }

  /** Calls `then` once `bit` has had, or lost, every write that it was sent before this call. */
  whenHadBy(bit: number, then: () => void): void {
    const isOpen = (op: WriteOp): boolean => (op.waiting & (op.sent | LOCAL_BIT) & bit) !== 0;
    const open = new Set([...this.#issued()].filter(isOpen));
    if (open.size === 0) then();
    else this.#watches.push({ bit, open, fire: then });
  }

  /** Calls `then` when nothing is in flight, nor trails. */
  whenDrained(then: () => void): void {
    if (this.#unfinishedCount() === 0) then();
    else this.#onDrained.push(then);
  }

  /** Answers what was withheld, as far as the owner may reply now. */
  replyHeld(): void {
    const held = this.#heldReplies;
    this.#heldReplies = [];
    for (const op of held) this.#reply(op);
  }

  /**
   * The term is over: everything unanswered fails, and what any peer may lack is marked for it. Local writes already begun go on,
   * and are answered only when the store is through with their data; `LocalDisk.own` tells when all have left.
   */
  end(error: DeviceErrorCode): void {
    assert(this.#owner.ended, 'the owner ended first');
    const unanswered = [
      ...this.#awaitingReturn,
      ...this.#heldReplies,
      ...this.#flushing,
      ...this.#queue.splice(0),
    ];
    for (const op of unanswered) op.reply(error);
    this.#localWrites = [];
    for (const op of this.#issued()) this.#markForAll(op);
    for (const op of this.#trailing) this.#finish(op);
    for (const op of this.#inFlight) {
      // What the store is at work on is finished by its callback; what waits for its range or the log, when its turn comes.
      if (op.inStore) continue;
      if (op.issued) this.#finish(op);
      else op.reply(error);
    }
  }

  #markForAll(op: WriteOp): void {
    for (const { bitmap } of this.#owner.mirrors) bitmap.markDirty(op.offset, op.lengthBytes);
  }

  #unfinishedCount(): number {
    return this.#inFlight.size + this.#trailing.size;
  }

  *#issued(): Generator<WriteOp> {
    yield* this.#trailing;
    for (const op of this.#inFlight) if (op.issued) yield op;
  }

  #hasRoom(): boolean {
    if (this.#isFull() && this.#isMostlyTrailing()) this.#owner.congested();
    return !this.#isFull();
  }

  #isFull(): boolean {
    const { bytes, writes } = this.#owner.window;
    return this.#unfinishedCount() >= writes || this.#inFlightBytes + this.#trailingBytes >= bytes;
  }

  /** The peers lag, not this node's disk. */
  #isMostlyTrailing(): boolean {
    return this.#trailing.size > this.#inFlight.size || this.#trailingBytes > this.#inFlightBytes;
  }

  #admit(op: WriteOp): void {
    op.underWay = this.#inFlight.add(op);
    this.#inFlightBytes += op.data?.length ?? 0;
    if (this.#locks.acquire(op)) this.start(op);
  }

  #issue(op: WriteOp): void {
    op.issued = true;
    op.epoch = this.#flushes.epoch;
    op.issuedMs = this.#owner.issueTimeMs();
    if (this.#owner.takeBarrier()) for (const { link } of this.#owner.mirrors) link?.sendBarrier();
    op.waiting = this.#owner.needed & LOCAL_BIT;
    for (const mirror of this.#owner.mirrors) this.#sendOrMark(mirror, op);
    this.#owner.scheduleTurn();
    if (!this.#disk.takesWrites || this.#owner.localWillCopy(op.offset, op.lengthBytes))
      return this.#markForAll(op);
    op.waiting |= LOCAL_BIT;
    this.#localWrites.push(op);
  }

  #sendOrMark(mirror: Mirror, op: WriteOp): void {
    const needed = (this.#owner.needed & mirror.bit) !== 0;
    const { link } = mirror;
    if (link === undefined) {
      mirror.bitmap.markDirty(op.offset, op.lengthBytes);
      if (needed) op.waiting |= mirror.bit;
      return;
    }
    // The copy will bring a block that it has not reached yet: the write goes to the source alone.
    if (link.willCopy(op.offset, op.lengthBytes)) {
      if (needed) op.waiting |= mirror.bit;
      return;
    }
    op.waiting |= mirror.bit;
    op.sent |= mirror.bit;
    if (needed) op.lent |= mirror.bit;
    link.sendWrite(op, !needed);
  }

  #writeLocally(op: WriteOp): void {
    op.inStore = true;
    op.lent |= LOCAL_BIT;
    const done = (error: StoreError | undefined): void => {
      op.inStore = false;
      if (error === undefined) op.lent &= ~LOCAL_BIT;
      if (this.#owner.ended) return this.#finish(op);
      // A failed local write leaves its bit: the reply waits until this replica is out of the set.
      if (error === undefined) this.confirm(op, LOCAL_BIT);
      else if (error.kind === 'logical' && this.#disk.failure === undefined) this.#refusedLocally(op);
    };
    this.#disk.write(this.#disk.own, op.offset, op.lengthBytes, op.data, op.mayPunch, done);
  }

  /** No room: the application is told so. Peers may have the data that this replica lacks now, so they differ until it is copied over theirs. */
  #refusedLocally(op: WriteOp): void {
    op.refusal = 'ENOSPC';
    this.#markForAll(op);
    this.#owner.writeRefused();
    this.confirm(op, LOCAL_BIT);
  }

  #settle(op: WriteOp): void {
    op.settled = true;
    this.#awaitingReturn.delete(op);
    if (op.replied) return;
    if (!op.fua) return this.#reply(op);
    this.#flushing.add(op);
    this.#owner.makeDurable(() => {
      this.#flushing.delete(op);
      this.#reply(op);
    });
  }

  #reply(op: WriteOp): void {
    if (this.#owner.mayReply()) op.reply(undefined);
    else if (!this.#owner.ended) this.#heldReplies.push(op);
  }

  #isFinished(op: WriteOp): boolean {
    return (this.#owner.isOnHold ? op.waiting & (op.sent | LOCAL_BIT) : op.waiting) === 0;
  }

  #mayTrail(op: WriteOp): boolean {
    const isHad = op.settled && !op.inStore && (op.waiting & (this.#owner.needed | LOCAL_BIT)) === 0;
    return isHad && this.#inFlight.has(op.underWay);
  }

  #trail(op: WriteOp): void {
    const lengthBytes = op.data?.length ?? 0;
    this.#inFlight.delete(op.underWay);
    op.underWay = this.#trailing.add(op);
    this.#inFlightBytes -= lengthBytes;
    this.#trailingBytes += lengthBytes;
    this.#locks.release(op);
    this.#left();
  }

  #finish(op: WriteOp): void {
    if (this.#trailing.delete(op.underWay)) {
      this.#trailingBytes -= op.data?.length ?? 0;
      this.#flushes.wrote(op.offset, op.lengthBytes);
      this.#log.release(op.offset, op.lengthBytes, this.#flushes.epoch);
      return this.#left();
    }
    if (!this.#inFlight.delete(op.underWay)) return;
    if (this.#owner.ended) op.reply('ESHUTDOWN');
    else if (!op.settled) this.#awaitingReturn.add(op);
    this.#inFlightBytes -= op.data?.length ?? 0;
    this.#flushes.wrote(op.offset, op.lengthBytes);
    this.#giveBack(op);
  }

  /** It ended before any replica saw it. */
  #abandon(op: WriteOp): void {
    this.#inFlight.delete(op.underWay);
    this.#inFlightBytes -= op.data?.length ?? 0;
    op.reply('ESHUTDOWN');
    this.#giveBack(op);
  }

  #giveBack(op: WriteOp): void {
    if (op.logged) this.#log.release(op.offset, op.lengthBytes, this.#flushes.epoch);
    this.#locks.release(op);
    this.#left();
  }

  #left(): void {
    if (this.#queue.length > 0) this.admitQueued();
    if (this.#unfinishedCount() > 0 || this.#onDrained.length === 0) return;
    const drained = this.#onDrained;
    this.#onDrained = [];
    for (const then of drained) then();
  }

  #notifyWatches(op: WriteOp, bit: number): void {
    const over = this.#watches.filter(
      (watch) => (watch.bit & bit) !== 0 && watch.open.delete(op) && watch.open.size === 0,
    );
    if (over.length === 0) return;
    this.#watches = this.#watches.filter((watch) => !over.includes(watch));
    for (const watch of over) watch.fire();
  }
}
