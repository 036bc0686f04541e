/**
 * The receiving end of a session: applies the primary's writes to the local disk.
 *
 * 1. Overlapping writes are applied in order of arrival, also with blocks being copied in.
 * 2. A write is acknowledged when the store has it; acknowledgements of one event-loop turn leave together.
 * 3. A flush makes durable what was acknowledged before it came; the primary counts on no more.
 */
import { EterneError } from '@eterne/base';
import type { StoreError, Timers } from '@eterne/runtime';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { AckBatch } from '../../protocol/messages/acks.ts';
import { encodeNumber } from '../../protocol/messages/number.ts';
import type { WriteMessage } from '../../protocol/messages/write.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

/** More than this unanswered at once means a peer that ignores the protocol's window. */
const MAX_APPLYING = 16_384;
const MAX_FLUSHES = 64;

export interface ApplierParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly slabs: BufferSlabs;
  readonly timers: Timers;
  readonly sender: FrameSender;
}

class AppliedWrite implements RangeLock {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly number: number;
  readonly data: Buffer | undefined;
  readonly mayPunch: boolean;
  readonly #applier: Applier;
  blockers = 0;
  waiters: RangeLock[] | undefined = undefined;

  constructor(applier: Applier, message: WriteMessage, data: Buffer | undefined) {
    this.#applier = applier;
    this.offset = message.offset;
    this.lengthBytes = message.lengthBytes;
    this.number = message.number;
    this.mayPunch = message.mayPunch;
    this.data = data;
  }

  granted(): void {
    this.#applier.apply(this);
  }
}

export class Applier {
  readonly #parts: ApplierParts;
  readonly #acks = new AckBatch();
  #ackScheduled = false;
  #received = 0;
  #applying = 0;
  #flushing = 0;
  #closed = false;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
  }

  /** `message.data` is a view that dies with this call. */
  write(message: WriteMessage): void {
    if (message.number !== this.#received) throw new EterneError('protocol', 'a write is out of sequence');
    if (this.#applying >= MAX_APPLYING) throw new EterneError('protocol', 'too many writes at once');
    this.#received += 1;
    this.#applying += 1;
    const data = message.data && this.#parts.slabs.copyOf(message.data);
    const write = new AppliedWrite(this, message, data);
    // From here on it counts as foreign I/O, also while it waits for its range.
    this.#parts.disk.foreign.enter();
    if (this.#parts.locks.acquire(write)) this.apply(write);
  }

  flush(round: number): void {
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

  /** The range is free. */
  apply(write: AppliedWrite): void {
    const { disk, locks, slabs } = this.#parts;
    const done = (error: StoreError | undefined): void => {
      locks.release(write);
      // After a timeout the system may still be reading it.
      if (write.data !== undefined && error === undefined) slabs.give(write.data);
      disk.foreign.leave();
      this.#applied(write, error);
    };
    // Its link is gone: what was not begun is not written any more. The primary has its bits.
    if (this.#closed) return done(undefined);
    disk.write(disk.foreign, write.offset, write.lengthBytes, write.data, write.mayPunch, done);
  }

  #applied(write: AppliedWrite, error: StoreError | undefined): void {
    this.#applying -= 1;
    if (this.#closed || error !== undefined) return;
    this.#acks.add(write.number);
    this.#scheduleAcks();
  }

  #scheduleAcks(): void {
    if (this.#ackScheduled) return;
    this.#ackScheduled = true;
    this.#parts.timers.soon(() => {
      this.#ackScheduled = false;
      if (this.#closed) return;
      this.#acks.sendTo(this.#parts.sender);
      this.#parts.sender.flush();
    });
  }
}
