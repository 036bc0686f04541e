/**
 * An initiator's session with one target over one connection: SCSI commands in, their statuses out. Error recovery level 0: what goes wrong on the connection ends it,
 * and every command with it; nobody knows then what became of the writes, so nothing is sent again.
 * ```
 *   connecting ──▶ login ──▶ full feature ──▶ closed
 * ```
 * At most MaxCmdSN of the target is in flight; further commands wait in order.
 */
import { EterneError, assert, crc32c } from '@eterne/base';
import { WaitingTime, type Stream, type Timer, type World } from '@eterne/runtime';
import { PduDecoder, type DecoderOwner, type Digests } from '../decoder.ts';
import { frame } from '../frame.ts';
import { BHS_BYTES, DEFAULT_DATA_SEGMENT_BYTES, DIGEST_BYTES, MAX_DATA_SEGMENT_BYTES } from '../limits.ts';
import { writeLun } from '../lun.ts';
import { readDataIn } from '../pdu/data-in.ts';
import { writeDataOut } from '../pdu/data-out.ts';
import { writeLoginRequest } from '../pdu/login-request.ts';
import { readLoginResponse } from '../pdu/login-response.ts';
import { writeLogoutRequest } from '../pdu/logout-request.ts';
import { readNopIn } from '../pdu/nop-in.ts';
import { writeNopOut } from '../pdu/nop-out.ts';
import { readReadyToTransfer } from '../pdu/r2t.ts';
import { writeScsiCommand } from '../pdu/scsi-command.ts';
import { readScsiResponse } from '../pdu/scsi-response.ts';
import type { ResponseNumbers } from '../pdu/sequence.ts';
import { decodeSense, type Sense } from '../scsi/sense.ts';
import { STATUS } from '../scsi/status.ts';
import { serialAdd, serialDistance } from '../serial.ts';
import { LOGOUT_REASON, NO_TAG, OPCODE_MASK, RESPONSE } from '../wire.ts';
import { LoginDialogue, type AgreedParameters, type LoginOptions, type LoginStep } from './login.ts';

export type InitiatorPorts = Pick<World, 'network' | 'timers'>;

/** What moves with a command. The session owns the buffer until the command is done. */
export type Transfer =
  | { readonly kind: 'none' }
  | { readonly kind: 'read'; readonly into: Buffer }
  | { readonly kind: 'write'; readonly from: Buffer };

export type CommandResult =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly sense: Sense | undefined;
      readonly readBytes: number;
    }
  /** The session has ended; the command may or may not have been carried out. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'overdue' };

type CommandDone = (result: CommandResult) => void;

interface Command {
  readonly lun: Buffer;
  readonly cdb: Buffer;
  readonly transfer: Transfer;
  readonly done: CommandDone;
  readonly startedTicks: number;
  readBytes: number;
}

export interface SessionOptions extends LoginOptions {
  readonly address: string;
  readonly timeoutMs: number;
  /** The session has ended; every command has been told. */
  onClose(reason: string): void;
}

const NOTHING = Buffer.alloc(0);
const MAX_TAG = 0xffff_fffe;

export class InitiatorSession implements DecoderOwner {
  readonly #ports: InitiatorPorts;
  readonly #options: SessionOptions;
  readonly #stream: Stream;
  readonly #decoder = new PduDecoder(this, DEFAULT_DATA_SEGMENT_BYTES);
  readonly #dialogue: LoginDialogue;
  readonly #inFlight = new Map<number, Command>();
  readonly #waiting: Command[] = [];
  readonly #watchdog: Timer;
  #opened: ((result: InitiatorSession | EterneError) => void) | undefined;
  #agreed: AgreedParameters | undefined;
  #digests: Digests = { header: false, data: false };
  #nextTag = 1;
  readonly #waited: WaitingTime;
  #cmdSn = 1;
  #maxCmdSn = 1;
  #expStatSn = 0;
  #closed = false;
  #reason = 'the target closed the connection';

  private constructor(
    ports: InitiatorPorts,
    stream: Stream,
    options: SessionOptions,
    opened: (result: InitiatorSession | EterneError) => void,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#stream = stream;
    this.#opened = opened;
    this.#dialogue = new LoginDialogue(options);
    this.#waited = new WaitingTime(options.timeoutMs);
    this.#watchdog = ports.timers.every(this.#waited.tickMs, () => this.#tick());
    stream.start({
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => {},
      onClose: () => this.#ended(),
    });
    this.#login(this.#dialogue.first());
  }

  static open(
    ports: InitiatorPorts,
    options: SessionOptions,
    done: (result: InitiatorSession | EterneError) => void,
  ): void {
    ports.network.connect(options.address, { timeoutMs: options.timeoutMs }, (stream) => {
      if (stream instanceof EterneError) return done(stream);
      new InitiatorSession(ports, stream, options, done);
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  command(lun: number, cdb: Buffer, transfer: Transfer, done: CommandDone): void {
    assert(cdb.length <= 16, 'a CDB fits the header');
    const address = Buffer.alloc(8);
    writeLun(address, 0, lun);
    const padded = Buffer.alloc(16);
    cdb.copy(padded);
    const startedTicks = this.#waited.ticks;
    const command = { lun: address, cdb: padded, transfer, done, startedTicks, readBytes: 0 };
    if (this.#closed) return this.#ports.timers.soon(() => done({ kind: 'lost' }));
    this.#waiting.push(command);
    this.#submit();
  }

  /** Logs out; commands in flight are lost. */
  close(): void {
    if (this.#closed) return;
    const fields = {
      immediate: true,
      reason: LOGOUT_REASON.closeSession,
      initiatorTaskTag: this.#takeTag(),
      cid: 0,
      cmdSn: this.#cmdSn,
      expStatSn: this.#expStatSn,
    };
    this.#stream.write(frame(writeLogoutRequest, fields, NOTHING, this.#digests));
    this.#reason = 'closed';
    this.#stream.end();
  }

  // Commands

  #submit(): void {
    while (this.#waiting.length > 0 && serialDistance(this.#cmdSn, this.#maxCmdSn) >= 0) {
      const command = this.#waiting.shift();
      if (command !== undefined) this.#send(command);
    }
  }

  #send(command: Command): void {
    const { transfer, lun, cdb } = command;
    const tag = this.#takeTag();
    this.#inFlight.set(tag, command);
    const data = transfer.kind === 'write' ? transfer.from : NOTHING;
    const expectedBytes = transfer.kind === 'read' ? transfer.into.length : data.length;
    const fields = {
      immediate: false,
      final: true,
      read: transfer.kind === 'read' && expectedBytes > 0,
      write: data.length > 0,
      lun,
      initiatorTaskTag: tag,
      expectedBytes,
      cmdSn: this.#cmdSn,
      expStatSn: this.#expStatSn,
      cdb,
    };
    this.#cmdSn = serialAdd(this.#cmdSn, 1);
    this.#put(writeScsiCommand, fields, data.subarray(0, this.#immediateBytes(data.length)));
  }

  #immediateBytes(lengthBytes: number): number {
    const agreed = this.#agreed;
    if (agreed?.immediateData !== true) return 0;
    return Math.min(lengthBytes, agreed.firstBurstBytes, agreed.targetSegmentBytes);
  }

  #readyToTransfer(header: Buffer): void {
    const { initiatorTaskTag, targetTransferTag, bufferOffset, desiredBytes } = readReadyToTransfer(header);
    const command = this.#inFlight.get(initiatorTaskTag);
    const end = bufferOffset + desiredBytes;
    if (command?.transfer.kind !== 'write' || end > command.transfer.from.length)
      return this.#cut('the target asks for data that there is not');
    const segmentBytes = this.#agreed?.targetSegmentBytes ?? DEFAULT_DATA_SEGMENT_BYTES;
    let dataSn = 0;
    for (let at = bufferOffset; at < end; at += segmentBytes) {
      const stop = Math.min(end, at + segmentBytes);
      const fields = {
        final: stop === end,
        initiatorTaskTag,
        targetTransferTag,
        expStatSn: this.#expStatSn,
        dataSn,
        bufferOffset: at,
      };
      this.#put(writeDataOut, fields, command.transfer.from.subarray(at, stop));
      dataSn += 1;
    }
  }

  /** Header and data in two pieces, so that long data is not copied. */
  #put<Fields>(
    write: (into: Buffer, at: number, fields: Fields) => void,
    fields: Fields,
    data: Buffer,
  ): void {
    const header = Buffer.alloc(BHS_BYTES + (this.#digests.header ? DIGEST_BYTES : 0));
    write(header, 0, fields);
    header.writeUIntBE(data.length, 5, 3);
    if (this.#digests.header) header.writeUInt32LE(crc32c(header.subarray(0, BHS_BYTES)), BHS_BYTES);
    this.#stream.cork();
    this.#stream.write(header);
    if (data.length > 0) {
      this.#stream.write(data);
      const padding = Buffer.alloc(-data.length & 3);
      const tail = Buffer.alloc(padding.length + (this.#digests.data ? DIGEST_BYTES : 0));
      if (this.#digests.data) tail.writeUInt32LE(crc32c(padding, crc32c(data)), padding.length);
      if (tail.length > 0) this.#stream.write(tail);
    }
    this.#stream.uncork();
  }

  #takeTag(): number {
    const tag = this.#nextTag;
    this.#nextTag = tag === MAX_TAG ? 1 : tag + 1;
    return tag;
  }

  #finish(tag: number, status: number, sense: Sense | undefined): void {
    const command = this.#inFlight.get(tag);
    if (command === undefined) return this.#cut('the target answers a command that there is not');
    this.#inFlight.delete(tag);
    command.done({ kind: 'status', status, sense, readBytes: command.readBytes });
    this.#submit();
  }

  // DecoderOwner

  place(header: Buffer, dataBytes: number): Buffer {
    if ((header.readUInt8(0) & OPCODE_MASK) === RESPONSE.dataIn) {
      const { initiatorTaskTag, bufferOffset } = readDataIn(header);
      const transfer = this.#inFlight.get(initiatorTaskTag)?.transfer;
      if (transfer?.kind === 'read' && bufferOffset + dataBytes <= transfer.into.length)
        return transfer.into.subarray(bufferOffset, bufferOffset + dataBytes);
    }
    return Buffer.allocUnsafe(dataBytes);
  }

  onPdu(header: Buffer, data: Buffer, dataBytes: number): boolean {
    if (this.#agreed === undefined) this.#loginResponse(header, data.subarray(0, dataBytes));
    else this.#response(header, data.subarray(0, dataBytes));
    return !this.#closed;
  }

  onDataDigestError(): boolean {
    this.#cut('data digest error');
    return false;
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#decoder.decode(chunk);
    if (this.#decoder.failure !== '') this.#cut(this.#decoder.failure);
  }

  #response(header: Buffer, data: Buffer): void {
    switch (header.readUInt8(0) & OPCODE_MASK) {
      case RESPONSE.dataIn:
        return this.#dataIn(header, data.length);
      case RESPONSE.scsi: {
        const pdu = readScsiResponse(header);
        this.#heard(pdu, true);
        if (pdu.response !== 0) return this.#cut('the target could not carry a command');
        const sense = pdu.status === STATUS.checkCondition ? decodeSense(data.subarray(2)) : undefined;
        return this.#finish(pdu.initiatorTaskTag, pdu.status, sense);
      }
      case RESPONSE.r2t:
        this.#heard(readReadyToTransfer(header), false);
        return this.#readyToTransfer(header);
      case RESPONSE.nopIn:
        return this.#nopIn(header);
      case RESPONSE.logout:
        return this.#cut('logged out');
      default:
        // An asynchronous message (we are to go) or a reject (we are not understood): either way the session is over.
        return this.#cut('the target ends the session');
    }
  }

  #dataIn(header: Buffer, dataBytes: number): void {
    const pdu = readDataIn(header);
    const command = this.#inFlight.get(pdu.initiatorTaskTag);
    if (command?.transfer.kind !== 'read' || pdu.bufferOffset !== command.readBytes)
      return this.#cut('the target sends data out of order');
    command.readBytes += dataBytes;
    if (command.readBytes > command.transfer.into.length) return this.#cut('the target sends too much data');
    this.#heard(pdu, pdu.withStatus);
    if (pdu.withStatus) this.#finish(pdu.initiatorTaskTag, pdu.status, undefined);
  }

  /** A ping that wants an answer. */
  #nopIn(header: Buffer): void {
    const { targetTransferTag, ...numbers } = readNopIn(header);
    this.#heard(numbers, false);
    if (targetTransferTag === NO_TAG) return;
    const { cmdSn, expStatSn } = { cmdSn: this.#cmdSn, expStatSn: this.#expStatSn };
    const fields = { immediate: true, initiatorTaskTag: NO_TAG, targetTransferTag, cmdSn, expStatSn };
    this.#put(writeNopOut, fields, NOTHING);
  }

  /** `counts`: the response uses its StatSN up. */
  #heard(numbers: ResponseNumbers, counts: boolean): void {
    if (counts) this.#expStatSn = serialAdd(numbers.statSn, 1);
    if (serialDistance(this.#maxCmdSn, numbers.maxCmdSn) > 0) this.#maxCmdSn = numbers.maxCmdSn;
  }

  // Login and end

  #loginResponse(header: Buffer, text: Buffer): void {
    if ((header.readUInt8(0) & OPCODE_MASK) !== RESPONSE.login) return this.#cut('no login response');
    const response = readLoginResponse(header);
    this.#expStatSn = serialAdd(response.statSn, 1);
    this.#maxCmdSn = response.maxCmdSn;
    this.#login(this.#dialogue.answer(response, text, this.#expStatSn));
  }

  #login(step: LoginStep): void {
    switch (step.kind) {
      case 'send':
        this.#stream.write(frame(writeLoginRequest, step.request, step.text));
        return;
      case 'failed':
        return this.#cut(step.reason);
      case 'done': {
        this.#agreed = step.agreed;
        this.#digests = { header: step.agreed.headerDigest, data: step.agreed.dataDigest };
        this.#decoder.reconfigure(this.#digests, MAX_DATA_SEGMENT_BYTES);
        const opened = this.#opened;
        this.#opened = undefined;
        return opened?.(this);
      }
    }
  }

  #tick(): void {
    this.#waited.tick();
    if (this.#opened !== undefined && this.#waited.isOver(0))
      this.#cut('the target does not answer the login');
    this.#failOverdue();
  }

  #failOverdue(): void {
    const oldest = this.#inFlight.values().next().value ?? this.#waiting[0];
    if (oldest === undefined || !this.#waited.isOver(oldest.startedTicks)) return;
    this.#reason = `no answer within ${this.#options.timeoutMs} ms`;
    this.#loseAll({ kind: 'overdue' });
    this.#cut(this.#reason);
  }

  #cut(reason: string): void {
    if (this.#closed) return;
    this.#reason = reason;
    this.#stream.destroy();
    this.#ended();
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watchdog.cancel();
    this.#loseAll({ kind: 'lost' });
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) this.#options.onClose(this.#reason);
    else opened(new EterneError('unreachable', `${this.#options.address}: ${this.#reason}`));
  }

  #loseAll(result: CommandResult): void {
    const lost = [...this.#inFlight.values(), ...this.#waiting.splice(0)];
    this.#inFlight.clear();
    for (const command of lost) command.done(result);
  }
}
