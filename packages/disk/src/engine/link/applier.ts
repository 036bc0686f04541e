/**
 * The receiving end of a session: applies the primary's writes to the local disk.
 *
 * 1. Overlapping writes are applied in order of arrival, also with blocks being copied in.
 * 2. A write is acknowledged when the store has it; acknowledgements of one event leave together.
 * 3. A flush makes durable what was acknowledged before it came; the primary counts on no more.
 * 4. Third replicas are thought of first (`third-parties.ts`).
 * 5. Asynchronous: what is behind a barrier waits for it (`write-order.ts`), and everything that came is applied, also when the link is
 *    gone: what is on the disk then is what the primary had at one moment.
 */
import { EterneError } from '@eterne/base';
import type { StoreError, Timers } from '@eterne/runtime';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { AckBatch } from '../../protocol/messages/acks.ts';
import { encodeNumber } from '../../protocol/messages/number.ts';
import type { WriteMessage } from '../../protocol/messages/write.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { Place } from '../chain.ts';
import type { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';
import type { ThirdParties } from './third-parties.ts';
import { WriteOrder, type OrderedWrite, type WriteGroup } from './write-order.ts';

/** More than this unanswered at once means a peer that ignores the protocol's window. */
const MAX_APPLYING = 16_384;
/** Of data that waits in memory. No primary's window or queue is larger. */
const MAX_APPLYING_BYTES = 1024 * 1024 * 1024;
const MAX_FLUSHES = 64;

export interface ApplierParts {
  readonly disk: LocalDisk;
  /** Counts what is on its way from this peer to the disk. */
  readonly foreign: Gauge;
  readonly thirds: ThirdParties;
  readonly locks: RangeLocks;
  readonly slabs: BufferSlabs;
  readonly timers: Timers;
  readonly sender: FrameSender;
  readonly isAsync: boolean;
}

class AppliedWrite implements RangeLock, OrderedWrite {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly number: number;
  readonly data: Buffer | undefined;
  readonly mayPunch: boolean;
  readonly group: WriteGroup;
  readonly #applier: Applier;
  blockers = 0;
  waiters: RangeLock[] | undefined = undefined;
  place: Place<RangeLock> | undefined = undefined;
  /** The flush epoch in which it arrived. */
  readonly epoch: number;
  /** The activity log covers it, as far as it has to. */
  isCovered = false;
  /** It holds references on the activity log. */
  logged = false;
  /** Its range is its own. */
  isFree = false;
  failure: StoreError | undefined = undefined;

  constructor(
    applier: Applier,
    message: WriteMessage,
    data: Buffer | undefined,
    group: WriteGroup,
    epoch: number,
  ) {
    this.#applier = applier;
    this.group = group;
    this.epoch = epoch;
    this.offset = message.offset;
    this.lengthBytes = message.lengthBytes;
    this.number = message.number;
    this.mayPunch = message.mayPunch;
    this.data = data;
  }

  granted(): void {
    this.#applier.apply(this);
  }

  ordered(error: StoreError | undefined): void {
    this.#applier.ordered(this, error);
  }
}

export class Applier {
  readonly #parts: ApplierParts;
  readonly #acks = new AckBatch();
  #ackScheduled = false;
  #received = 0;
  #applying = 0;
  #applyingBytes = 0;
  #flushing = 0;
  readonly #order: WriteOrder;
  #closed = false;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
    this.#order = new WriteOrder((done) => parts.disk.flush(done));
  }

  /** `message.data` is a view that dies with this call, unless its memory `isOwned`. */
  write(message: WriteMessage, isOwned: boolean): void {
    if (message.number !== this.#received) throw new EterneError('protocol', 'a write is out of sequence');
    if (this.#applying >= MAX_APPLYING || this.#applyingBytes > MAX_APPLYING_BYTES)
      throw new EterneError('protocol', 'too many writes at once');
    this.#received += 1;
    this.#applying += 1;
    this.#applyingBytes += message.data?.length ?? 0;
    const data = message.data && (isOwned ? message.data : this.#parts.slabs.copyOf(message.data));
    const write = new AppliedWrite(this, message, data, this.#order.arrived(), this.#parts.thirds.epoch);
    // From here on it counts as foreign I/O, also while it waits for its range.
    this.#parts.foreign.enter();
    this.#parts.thirds.received(write.offset, write.lengthBytes);
    const covered = this.#parts.thirds.cover(write.offset, write.lengthBytes, (error) =>
      this.#covered(write, error),
    );
    if (covered !== false) {
      write.logged = covered === true;
      write.isCovered = true;
    }
    write.isFree = this.#parts.locks.acquire(write);
    if (write.isFree) this.apply(write);
  }

  #covered(write: AppliedWrite, error: EterneError | undefined): void {
    write.logged = error === undefined;
    write.isCovered = true;
    if (error !== undefined) write.failure = { kind: 'device', errno: 'EIO', message: error.message };
    if (write.isFree) this.apply(write);
  }

  /** Asynchronous: what follows is begun when everything before is on stable storage. */
  barrier(): void {
    this.#order.barrier();
  }

  /** Calls `then` when everything that has come is on stable storage; never when the disk fails. */
  whenDurable(then: () => void): void {
    this.#order.barrier(then);
  }

  /** `closesRound`: the writes that came before are a set of their own, which SETTLED will name. */
  flush(round: number, closesRound: boolean): void {
    if (closesRound) this.#parts.thirds.closeRound(round);
    if (this.#flushing >= MAX_FLUSHES) throw new EterneError('protocol', 'too many flushes at once');
    this.#flushing += 1;
    this.#parts.disk.flush((error) => {
      this.#flushing -= 1;
      if (this.#closed || error !== undefined) return;
      this.#parts.sender.send(FrameType.flushed, encodeNumber(round));
    });
  }

  close(): void {
    this.#closed = true;
  }

  /** The range is free. It was taken in order of arrival, so that blocks being copied in keep their place, too. */
  apply(write: AppliedWrite): void {
    write.isFree = true;
    if (write.isCovered) this.#order.begin(write);
  }

  ordered(write: AppliedWrite, error: StoreError | undefined): void {
    const failure = error ?? write.failure;
    // Its link is gone: what was not begun is not written any more. The primary has its bits.
    if (failure !== undefined || this.#isGivenUp()) this.#done(write, failure);
    else this.#write(write);
  }

  #isGivenUp(): boolean {
    return this.#closed && !this.#parts.isAsync;
  }

  #write(write: AppliedWrite): void {
    const { disk, foreign } = this.#parts;
    disk.write(foreign, write.offset, write.lengthBytes, write.data, write.mayPunch, (error) =>
      this.#done(write, error),
    );
  }

  #done(write: AppliedWrite, error: StoreError | undefined): void {
    const { foreign, locks, slabs, thirds } = this.#parts;
    if (write.logged) thirds.release(write.offset, write.lengthBytes, write.epoch);
    locks.release(write);
    // After a timeout the system may still be reading it.
    if (write.data !== undefined && error === undefined) slabs.give(write.data);
    this.#applied(write, error);
    this.#order.finished(write, error);
    foreign.leave();
  }

  #applied(write: AppliedWrite, error: StoreError | undefined): void {
    this.#applying -= 1;
    this.#applyingBytes -= write.data?.length ?? 0;
    if (this.#closed || error !== undefined) return;
    this.#acks.add(write.number);
    this.#scheduleAcks();
  }

  #scheduleAcks(): void {
    if (this.#ackScheduled) return;
    this.#ackScheduled = true;
    this.#parts.timers.afterEvent(() => {
      this.#ackScheduled = false;
      if (this.#closed) return;
      this.#acks.sendTo(this.#parts.sender);
      this.#parts.sender.flush();
    });
  }
}
