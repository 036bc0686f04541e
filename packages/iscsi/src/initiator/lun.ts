/**
 * One LUN of a session: commands that are tried again where SCSI says so, and what they come to in the words of a store.
 * Tried again: a unit attention (it only tells), BUSY and TASK SET FULL and NOT READY, BECOMING READY (after a while), until the time is over.
 */
import { storeError, type StoreError, type Timers } from '@eterne/runtime';
import { SENSE, SENSE_KEY, type Sense } from '../scsi/sense.ts';
import { STATUS } from '../scsi/status.ts';
import type { CommandResult, InitiatorSession, Transfer } from './session.ts';

const RETRY_MS = 100;
const MAX_ATTENTIONS = 32;

/** Our reservation has been taken away: whoever did it is the owner now. Before we have one, this is of a session of ours that is over. */
const PREEMPTED: readonly number[] = [
  SENSE.reservationsPreempted.code,
  SENSE.registrationsPreempted.code,
  SENSE.reservationsReleased.code,
];

type LunSession = Pick<InitiatorSession, 'command' | 'close' | 'isClosed'>;
export type LunDone = (error: StoreError | undefined, readBytes: number) => void;

export class RemoteLun {
  readonly #session: LunSession;
  readonly #lun: number;
  readonly #timers: Timers;
  /** For errors; without secrets. */
  readonly name: string;
  readonly #tries: number;
  #isHeld = false;

  constructor(session: LunSession, lun: number, name: string, timers: Timers, timeoutMs: number) {
    this.#session = session;
    this.#lun = lun;
    this.name = name;
    this.#timers = timers;
    this.#tries = Math.ceil(timeoutMs / RETRY_MS);
  }

  get session(): LunSession {
    return this.#session;
  }

  /** From now on it is ours, until we are told otherwise. */
  held(): void {
    this.#isHeld = true;
  }

  command(what: string, cdb: Buffer, transfer: Transfer, done: LunDone): void {
    this.#try(what, cdb, transfer, this.#tries, MAX_ATTENTIONS, done);
  }

  #try(
    what: string,
    cdb: Buffer,
    transfer: Transfer,
    tries: number,
    attentions: number,
    done: LunDone,
  ): void {
    this.#session.command(this.#lun, cdb, transfer, (result) => {
      if (result.kind === 'status' && this.#onlyTells(result) && attentions > 0)
        return this.#try(what, cdb, transfer, tries, attentions - 1, done);
      if (result.kind === 'status' && isPassing(result) && tries > 0) {
        this.#timers.after(RETRY_MS, () => this.#try(what, cdb, transfer, tries - 1, attentions, done));
        return;
      }
      const errno = errnoOf(result);
      const readBytes = result.kind === 'status' ? result.readBytes : 0;
      done(errno === undefined ? undefined : storeError(`${what} ${this.name}`, errno), readBytes);
    });
  }

  #onlyTells({ sense }: Status): boolean {
    if (sense?.key !== SENSE_KEY.unitAttention) return false;
    return !this.#isHeld || !PREEMPTED.includes(sense.code);
  }
}

type Status = Extract<CommandResult, { kind: 'status' }>;

function isPassing({ status, sense }: Status): boolean {
  const isBusy = status === STATUS.busy || status === STATUS.taskSetFull;
  return isBusy || (sense?.key === SENSE_KEY.notReady && sense.code === SENSE.becomingReady.code);
}

/** errno names as `storeError` sorts them; undefined: done. */
function errnoOf(result: CommandResult): string | undefined {
  switch (result.kind) {
    case 'lost':
      return 'ESHUTDOWN';
    case 'overdue':
      return 'ETIMEDOUT';
    case 'status':
      break;
  }
  switch (result.status) {
    case STATUS.good:
    case STATUS.conditionMet:
      return undefined;
    case STATUS.reservationConflict:
      return 'EBADE';
    case STATUS.checkCondition:
      return errnoOfSense(result.sense ?? SENSE.internalTargetFailure);
    default:
      return 'ENODEV';
  }
}

function errnoOfSense(sense: Sense): string | undefined {
  switch (sense.key) {
    case SENSE_KEY.noSense:
      return undefined;
    case SENSE_KEY.unitAttention:
      return PREEMPTED.includes(sense.code) ? 'EBADE' : 'ENODEV';
    case SENSE_KEY.mediumError:
    case SENSE_KEY.miscompare:
      return 'EIO';
    case SENSE_KEY.dataProtect:
      return sense.code === SENSE.spaceAllocationFailed.code ? 'ENOSPC' : 'EROFS';
    case SENSE_KEY.illegalRequest:
      return 'EOPNOTSUPP';
    default:
      return 'ENODEV';
  }
}
