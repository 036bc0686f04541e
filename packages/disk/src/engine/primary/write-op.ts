import type { DeviceDone, DeviceErrorCode } from '@eterne/runtime';
import type { Place } from '../chain.ts';
import type { RangeLock } from '../range-locks.ts';

/** Replicas as bits of one number: this node's disk is bit 0, peer `index` is bit `index + 1`. */
export const LOCAL_BIT = 1;
export const peerBit = (index: number): number => 1 << (index + 1);

/** Where the write goes when its turn comes; implemented by the write path. */
export interface WriteStarter {
  start(op: WriteOp): void;
}

/**
 * One application write on its way. queued → locked → covered by the activity log → issued → replied and finished, in either order:
 * *replied* when every needed replica had it, *finished* when nobody who was sent it is still to answer.
 */
export class WriteOp implements RangeLock {
  readonly offset: number;
  readonly lengthBytes: number;
  /** Undefined: zeroes. Owned by the engine until `reply`. */
  readonly data: Buffer | undefined;
  readonly mayPunch: boolean;
  readonly fua: boolean;
  readonly #starter: WriteStarter;
  #done: DeviceDone | undefined;
  blockers = 0;
  waiters: RangeLock[] | undefined = undefined;
  place: Place<RangeLock> | undefined = undefined;
  /** Among what the write path has in flight, or what trails there. */
  underWay: Place<WriteOp> | undefined = undefined;
  /** Replicas that have not had it, of those it was sent to or that are needed for the reply. */
  waiting = 0;
  /** Peers that it was sent to in their present session. */
  sent = 0;
  issued = false;
  /** The flush epoch in which it was issued. */
  epoch = 0;
  /** When it was sent, on this node's boot clock, in an asynchronous mirror. */
  issuedMs = 0;
  /** The local store is at work on its data. */
  inStore = false;
  /** Replicas that were given its data itself, not a copy, and have not said that they had it: something may refer to it still. */
  lent = 0;
  /** It holds references on the activity log. */
  logged = false;
  /** The local disk has refused it: what the front end will hear. */
  refusal: DeviceErrorCode | undefined = undefined;
  /** Had by every needed replica; the reply is given or waits for a gate. */
  settled = false;

  constructor(
    starter: WriteStarter,
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    fua: boolean,
    done: DeviceDone,
  ) {
    this.#starter = starter;
    this.offset = offset;
    this.lengthBytes = lengthBytes;
    this.data = data;
    this.mayPunch = mayPunch;
    this.fua = fua;
    this.#done = done;
  }

  get replied(): boolean {
    return this.#done === undefined;
  }

  granted(): void {
    this.#starter.start(this);
  }

  /** Answers the front end, once. */
  reply(error: Parameters<DeviceDone>[0]): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(error ?? this.refusal, this.lent === 0);
  }
}
