/**
 * The fence of a LUN that several hosts can reach: a persistent reservation, Write Exclusive, under a key that is ours on this machine for good
 * (SPC-4 §5.13). Whoever opens the LUN for writing holds it; who lost it meets RESERVATION CONFLICT at the next write, whatever was
 * still on its way.
 * ```
 *   REGISTER AND IGNORE EXISTING KEY ──▶ READ RESERVATION ──▶ RESERVE ──conflict──▶ preempt wanted: READ RESERVATION ──▶ PREEMPT AND ABORT
 *                                                                │                    │                                   │ conflict
 *                                                                └──good──▶ held      └── else: refused, unregistered ◀───┘
 * ```
 * A LUN on which somebody was met, and which others may take over (`mayTakeOver`), stays reserved when it is closed. Whoever was fenced off may only be paused: of
 * the commands that it sends together when it goes on the first one is told of the preemption, and the others would land as soon as nobody held the LUN.
 */
import { EterneError } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import type { RemoteLun } from './lun.ts';

const RESERVE_OUT = 0x5f;
const RESERVE_IN = 0x5e;
const ACTION = {
  register: 0x00,
  reserve: 0x01,
  release: 0x02,
  preemptAndAbort: 0x05,
  registerAndIgnore: 0x06,
};
const READ_RESERVATION = 0x01;
const WRITE_EXCLUSIVE = 0x01;
const APTPL_BIT = 0x01;
const PARAMETER_BYTES = 24;

type Done = (error: EterneError | undefined) => void;

export interface FenceParts {
  readonly lun: Pick<RemoteLun, 'command' | 'name'>;
  readonly key: bigint;
  /** Those who reach the LUN take it from each other, and wait for nobody to give it up. */
  readonly mayTakeOver: boolean;
}

export class LunFence {
  readonly #lun: FenceParts['lun'];
  readonly #key: bigint;
  readonly #mayTakeOver: boolean;
  #hasMetAny = false;

  constructor({ key, lun, mayTakeOver }: FenceParts) {
    this.#lun = lun;
    this.#key = key;
    this.#mayTakeOver = mayTakeOver;
  }

  /**
   * `busy` when another host holds the LUN and may not be preempted. Asked at the last moment, since whoever was paused on the way here may have lost its
   * rights; the target takes a PREEMPT only while the holder that it names still is one.
   */
  take(mayPreempt: () => boolean, done: Done): void {
    this.#register((error) => {
      if (error !== undefined) return done(this.#failed(error));
      this.#readHolder((holder) => {
        if (holder instanceof EterneError) return done(holder);
        this.#hasMetAny = holder !== undefined;
        this.#reserve(mayPreempt, done);
      });
    });
  }

  #reserve(mayPreempt: () => boolean, done: Done): void {
    this.#out(ACTION.reserve, this.#key, 0n, 0, (conflict) => {
      if (conflict === undefined) return done(undefined);
      if (conflict.kind !== 'reservation-conflict') return done(this.#failed(conflict));
      this.#hasMetAny = true;
      if (mayPreempt()) this.#preempt(mayPreempt, done);
      else this.#leave(done);
    });
  }

  /** Best effort: the session ends anyway. */
  release(done: () => void): void {
    if (this.#hasMetAny && this.#mayTakeOver) return done();
    this.#out(ACTION.release, this.#key, 0n, 0, () =>
      this.#out(ACTION.register, this.#key, 0n, 0, () => done()),
    );
  }

  /** Kept through the target's restart where the target can (APTPL). */
  #register(done: (error: StoreError | undefined) => void): void {
    this.#out(ACTION.registerAndIgnore, 0n, this.#key, APTPL_BIT, (error) => {
      if (error?.errno === 'EOPNOTSUPP') this.#out(ACTION.registerAndIgnore, 0n, this.#key, 0, done);
      else done(error);
    });
  }

  /** Unregistered again. */
  #leave(done: Done): void {
    this.#out(ACTION.register, this.#key, 0n, 0, () => done(this.#taken()));
  }

  #preempt(mayPreempt: () => boolean, done: Done): void {
    this.#readHolder((holder) => {
      if (holder instanceof EterneError) return done(holder);
      if (!mayPreempt()) return this.#leave(done);
      // Without a holder it has been released meanwhile.
      const [action, otherKey] =
        holder === undefined ? [ACTION.reserve, 0n] : [ACTION.preemptAndAbort, holder];
      this.#out(action, this.#key, otherKey, 0, (outcome) => {
        if (outcome === undefined) return done(undefined);
        // Somebody else was faster: it is there, and not ours.
        if (outcome.kind === 'reservation-conflict') this.#leave(done);
        else done(this.#failed(outcome));
      });
    });
  }

  #readHolder(done: (holder: bigint | undefined | EterneError) => void): void {
    const into = Buffer.alloc(PARAMETER_BYTES);
    const cdb = Buffer.alloc(10);
    cdb.writeUInt8(RESERVE_IN, 0);
    cdb.writeUInt8(READ_RESERVATION, 1);
    cdb.writeUInt16BE(into.length, 7);
    this.#lun.command('read the reservation of', cdb, { kind: 'read', into }, (error, readBytes) => {
      if (error !== undefined) return done(this.#failed(error));
      done(readBytes >= 16 ? into.readBigUInt64BE(8) : undefined);
    });
  }

  #out(
    action: number,
    key: bigint,
    otherKey: bigint,
    flags: number,
    done: (error: StoreError | undefined) => void,
  ): void {
    const from = Buffer.alloc(PARAMETER_BYTES);
    from.writeBigUInt64BE(key, 0);
    from.writeBigUInt64BE(otherKey, 8);
    from.writeUInt8(flags, 20);
    const cdb = Buffer.alloc(10);
    cdb.writeUInt8(RESERVE_OUT, 0);
    cdb.writeUInt8(action, 1);
    const isRegister = action === ACTION.register || action === ACTION.registerAndIgnore;
    cdb.writeUInt8(isRegister ? 0 : WRITE_EXCLUSIVE, 2);
    cdb.writeUInt32BE(from.length, 5);
    this.#lun.command('reserve', cdb, { kind: 'write', from }, done);
  }

  #failed(error: StoreError): EterneError {
    return new EterneError('io', error.message, {
      hint: 'a LUN that several hosts can reach needs a target with persistent reservations',
    });
  }

  #taken(): EterneError {
    return new EterneError('busy', `${this.#lun.name} is reserved by another host`, {
      hint: 'make sure that host has stopped, then add ?preempt=yes to take the LUN over',
    });
  }
}
