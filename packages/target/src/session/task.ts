/**
 * One SCSI command on its way through a session.
 * ```
 *   started ──receive──▶ collecting (unsolicited data, then one R2T after the other) ──▶ running ──answer──▶ ended
 *      └──────────────────────────── answer ────────────────────────────────────────────────────────────────▲
 *   handed over (from started or running): what it began is the unit's; it only waits to be answered
 *   aborted while started, collecting or handed over: ended at once; while running: ended when the logical unit answers, silently
 * ```
 * Data-Out must come in order (DataPDUInOrder and DataSequenceInOrder are Yes); a gap is a lost PDU, which at error recovery
 * level 0 costs the command (RFC 7143 §7.8).
 */
import { assert } from '@eterne/base';
import { NO_TAG, SENSE, STATUS, type Sense } from '@eterne/iscsi';
import type { DataOut } from '@eterne/iscsi/pdu/data-out.ts';
import type { ScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { NO_RESIDUAL, type Residual } from '@eterne/iscsi/pdu/scsi-response.ts';
import type { LogicalUnit } from '../scsi/logical-unit.ts';
import type { Nexus } from '../scsi/nexus.ts';
import type { ScsiRequest } from '../scsi/scsi-request.ts';

export interface TaskHost extends Nexus {
  readonly firstBurstBytes: number;
  readonly maxBurstBytes: number;
  claimBytes(bytes: number, go: () => void, wanted: () => boolean): void;
  releaseBytes(bytes: number): void;
  /** Sends a ready-to-transfer and answers its target transfer tag. */
  solicit(task: Task, r2tSn: number, bufferOffset: number, desiredBytes: number): number;
  answer(
    task: Task,
    status: number,
    sense: Sense | undefined,
    data: Buffer | undefined,
    residual: Residual,
    sent?: () => void,
  ): void;
  /** Last event of a task, answered or not. */
  ended(task: Task): void;
}

interface Burst {
  readonly targetTransferTag: number;
  readonly endOffset: number;
  nextDataSn: number;
}

type State = 'started' | 'collecting' | 'running' | 'handed-over' | 'ended';

const NOTHING = Buffer.alloc(0);

export class Task implements ScsiRequest {
  readonly #host: TaskHost;
  readonly command: ScsiCommand;
  /** Undefined when the command is not for a logical unit of its own (REPORT LUNS to LUN 0). */
  readonly unit: LogicalUnit | undefined;
  #state: State = 'started';
  #aborted = false;
  #onEnded: (() => void)[] = [];
  /** Data received so far: what came with the command, then all of it. */
  #data: Buffer;
  #receivedBytes: number;
  #burst: Burst | undefined;
  #r2tCount = 0;
  #damaged = false;
  #claimed = false;
  #claimedBytes = 0;
  #wantedBytes = 0;
  /** Of a write: what the command takes against what was announced. */
  #residual: Residual = NO_RESIDUAL;
  #then: ((data: Buffer) => void) | undefined;

  constructor(host: TaskHost, command: ScsiCommand, unit: LogicalUnit | undefined, immediate: Buffer) {
    this.#host = host;
    this.command = command;
    this.unit = unit;
    this.#data = immediate;
    this.#receivedBytes = immediate.length;
    if (!command.write || command.final) return;
    const firstBytes = Math.min(command.expectedBytes, host.firstBurstBytes);
    this.#grow(Math.max(firstBytes, immediate.length));
    this.#burst = { targetTransferTag: NO_TAG, endOffset: firstBytes, nextDataSn: 0 };
  }

  get nexus(): Nexus {
    return this.#host;
  }

  get cdb(): Buffer {
    return this.command.cdb;
  }

  get isAborted(): boolean {
    return this.#aborted;
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  receive(
    lengthBytes: number,
    then: (data: Buffer) => void,
    otherwise: Sense = SENSE.invalidFieldInInformationUnit,
  ): void {
    this.#residual = difference(lengthBytes, this.#announcedBytes);
    if (this.#residual === NO_RESIDUAL) this.#collect(lengthBytes, then);
    else this.#finish(STATUS.checkCondition, otherwise, undefined, this.#residual);
  }

  receiveAtMost(lengthBytes: number, then: (data: Buffer) => void): void {
    this.#residual = difference(lengthBytes, this.#announcedBytes);
    this.#collect(Math.min(lengthBytes, this.#announcedBytes), then);
  }

  get #announcedBytes(): number {
    return this.command.write ? this.command.expectedBytes : 0;
  }

  #collect(lengthBytes: number, then: (data: Buffer) => void): void {
    assert(this.#state === 'started', 'a command asks for its data once');
    if (lengthBytes <= this.#receivedBytes && this.#burst === undefined) {
      this.#state = 'running';
      return then(this.#data.subarray(0, lengthBytes));
    }
    this.#state = 'collecting';
    this.#wantedBytes = lengthBytes;
    this.#then = then;
    this.#host.claimBytes(
      lengthBytes,
      () => {
        this.#claimed = true;
        this.#claimedBytes = lengthBytes;
        this.#advance();
      },
      () => this.#state === 'collecting',
    );
  }

  reserveReply(lengthBytes: number, then: () => void): void {
    assert(this.#state === 'started', 'a command reserves its reply once');
    this.#host.claimBytes(
      lengthBytes,
      () => {
        this.#claimedBytes = lengthBytes;
        this.#state = 'running';
        then();
      },
      () => this.#state === 'started',
    );
  }

  handOver(): void {
    assert(this.#state === 'started' || this.#state === 'running', 'what is handed over has begun');
    this.#state = 'handed-over';
  }

  good(data?: Buffer, given?: () => void): void {
    const { read, expectedBytes } = this.command;
    const allowedBytes = read ? expectedBytes : 0;
    const moved = read ? difference(data?.length ?? 0, expectedBytes) : this.#residual;
    this.#finish(STATUS.good, undefined, data?.subarray(0, allowedBytes), moved, given);
  }

  conditionMet(): void {
    this.#finish(STATUS.conditionMet, undefined, undefined, NO_RESIDUAL);
  }

  conflict(): void {
    this.#finish(STATUS.reservationConflict, undefined, undefined, this.#nothingMoved());
  }

  check(sense: Sense): void {
    this.#finish(STATUS.checkCondition, sense, undefined, this.#nothingMoved());
  }

  /** Memory for the data of a Data-Out, or undefined when it is not what was to come. */
  placeFor(pdu: DataOut, dataBytes: number): Buffer | undefined {
    if (!this.#fits(pdu, dataBytes)) return undefined;
    return this.#data.subarray(pdu.bufferOffset, pdu.bufferOffset + dataBytes);
  }

  /** A Data-Out was damaged. The command fails when its sequence is over (RFC 7143 §7.8: "it MUST wait to receive all the data"). */
  dataDigestError(final: boolean): void {
    this.#damaged = true;
    if (final) this.#sequenceError();
  }

  /** A Data-Out whose data lies where `placeFor` said. */
  dataOut(pdu: DataOut, dataBytes: number): void {
    if (this.#state === 'ended') return;
    if (this.#damaged) return pdu.final ? this.#sequenceError() : undefined;
    const burst = this.#burst;
    if (burst === undefined || !this.#fits(pdu, dataBytes)) return this.#sequenceError();
    burst.nextDataSn += 1;
    this.#receivedBytes += dataBytes;
    const full = this.#receivedBytes === burst.endOffset;
    const solicited = burst.targetTransferTag !== NO_TAG;
    if (pdu.final ? solicited && !full : full) return this.#sequenceError();
    if (!pdu.final) return;
    this.#burst = undefined;
    this.#advance();
  }

  /** `ended` runs when the command can touch the medium no more; nothing is sent to the initiator. */
  abort(ended: () => void): void {
    if (this.#state === 'ended') return ended();
    this.#aborted = true;
    this.#onEnded.push(ended);
    if (this.#state !== 'running') this.#end();
  }

  #fits(pdu: DataOut, dataBytes: number): boolean {
    const burst = this.#burst;
    return (
      burst !== undefined &&
      !this.#damaged &&
      pdu.targetTransferTag === burst.targetTransferTag &&
      pdu.dataSn === burst.nextDataSn &&
      pdu.bufferOffset === this.#receivedBytes &&
      pdu.bufferOffset + dataBytes <= burst.endOffset
    );
  }

  #sequenceError(): void {
    if (this.#state !== 'running') this.check(SENSE.protocolServiceCrcError);
  }

  #grow(lengthBytes: number): void {
    if (this.#data.length >= lengthBytes) return;
    const { memory } = this.unit?.attributes ?? {};
    const whole = memory?.take(lengthBytes) ?? Buffer.allocUnsafeSlow(lengthBytes);
    this.#data.copy(whole, 0, 0, this.#receivedBytes);
    memory?.give(this.#data);
    this.#data = whole;
  }

  /** Asks for the next burst when nothing is outstanding, or hands the data over when all is there. */
  #advance(): void {
    if (this.#state !== 'collecting' || !this.#claimed || this.#burst !== undefined) return;
    if (this.#receivedBytes >= this.#wantedBytes) {
      const then = this.#then;
      assert(then !== undefined, 'somebody waits for the data');
      this.#state = 'running';
      return then(this.#data.subarray(0, this.#wantedBytes));
    }
    // Not before: of a burst that is outstanding a Data-Out may be arriving in the memory that there was.
    this.#grow(this.#wantedBytes);
    const desiredBytes = Math.min(this.#host.maxBurstBytes, this.#wantedBytes - this.#receivedBytes);
    const targetTransferTag = this.#host.solicit(this, this.#r2tCount, this.#receivedBytes, desiredBytes);
    this.#r2tCount += 1;
    this.#burst = { targetTransferTag, endOffset: this.#receivedBytes + desiredBytes, nextDataSn: 0 };
  }

  /** Of a command that failed: all that was expected is left over. */
  #nothingMoved(): Residual {
    const { read, write, expectedBytes } = this.command;
    return read || write ? difference(0, expectedBytes) : NO_RESIDUAL;
  }

  #finish(
    status: number,
    sense: Sense | undefined,
    data: Buffer | undefined,
    residual: Residual,
    sent?: () => void,
  ): void {
    if (this.#state === 'ended') return; // aborted while it waited
    if (!this.#aborted) this.#host.answer(this, status, sense, data, residual, sent);
    this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#then = undefined;
    // A Data-Out may be arriving in it at this moment when a burst is outstanding.
    if (this.#burst === undefined) this.unit?.attributes.memory?.give(this.#data);
    this.#data = NOTHING;
    this.#burst = undefined;
    if (this.#claimedBytes > 0) this.#host.releaseBytes(this.#claimedBytes);
    this.#host.ended(this);
    for (const ended of this.#onEnded.splice(0)) ended();
  }
}

/** Residual of a command that has `bytes` where the initiator expects `expectedBytes`. */
function difference(bytes: number, expectedBytes: number): Residual {
  if (bytes === expectedBytes) return NO_RESIDUAL;
  return bytes < expectedBytes
    ? { kind: 'underflow', bytes: expectedBytes - bytes }
    : { kind: 'overflow', bytes: bytes - expectedBytes };
}
