/**
 * One session in its full feature phase (RFC 7143 §4.2.5): PDUs of requests in, PDUs of answers into the output. With MaxConnections=1
 * it is also its one connection.
 *
 * Duties:
 * 1. Non-immediate commands are delivered in the order of CmdSN, at most `COMMAND_WINDOW` unanswered.
 * 2. A task management response is sent only when the tasks it is about can touch the medium no more.
 * 3. After `close` nothing is sent, and `close` is done only when none of the session's tasks can touch the medium any more: a new
 *    session of the same initiator port must not meet writes of the old one.
 */
import { whenAll } from '@eterne/base';
import {
  LOGOUT_REASON,
  LOGOUT_RESPONSE,
  NO_TAG,
  REJECT,
  SCSI_RESPONSE,
  STATUS,
  encodeSense,
  readLun,
  serialAdd,
  type Sense,
} from '@eterne/iscsi';
import { writeAsyncMessage, type AsyncMessage } from '@eterne/iscsi/pdu/async-message.ts';
import { writeDataIn } from '@eterne/iscsi/pdu/data-in.ts';
import type { DataOut } from '@eterne/iscsi/pdu/data-out.ts';
import type { LogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { writeLogoutResponse } from '@eterne/iscsi/pdu/logout-response.ts';
import { writeNopIn } from '@eterne/iscsi/pdu/nop-in.ts';
import type { NopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { writeReadyToTransfer } from '@eterne/iscsi/pdu/r2t.ts';
import { writeReject } from '@eterne/iscsi/pdu/reject.ts';
import type { ScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { NO_RESIDUAL, writeScsiResponse, type Residual } from '@eterne/iscsi/pdu/scsi-response.ts';
import type { ResponseNumbers } from '@eterne/iscsi/pdu/sequence.ts';
import type { TaskManagementRequest } from '@eterne/iscsi/pdu/task-management-request.ts';
import { writeTaskManagementResponse } from '@eterne/iscsi/pdu/task-management-response.ts';
import type { TextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { MAX_BYTES_IN_FLIGHT, MAX_IMMEDIATE_COMMANDS } from '../limits.ts';
import type { LogicalUnit } from '../scsi/logical-unit.ts';
import type { TargetPort } from '../scsi/ports.ts';
import type { ScsiTarget } from '../scsi/scsi-target.ts';
import { ByteBudget } from './byte-budget.ts';
import { CommandWindow } from './command-window.ts';
import type { SessionParameters } from './negotiation.ts';
import type { PduOutput } from './output.ts';
import { performTaskFunction } from './task-management.ts';
import { Task, type TaskHost } from './task.ts';
import { TextExchange, type PortalDirectory } from './text-exchange.ts';

export interface SessionIdentity {
  readonly initiatorName: string;
  readonly isid: Buffer;
  readonly targetPort: TargetPort;
  readonly tsih: number;
  /** Of its one connection. */
  readonly cid: number;
  readonly parameters: Readonly<SessionParameters>;
  /** Undefined: a discovery session. */
  readonly target: ScsiTarget | undefined;
}

export interface SessionHost {
  readonly output: PduOutput;
  /** Something was put into the output. */
  wake(): void;
  /** Sends what is in the output, then closes the connection. */
  end(reason: string): void;
  /** Every session of the target but this one is told to go (target cold reset). */
  dropOthers(): void;
  readonly portals: PortalDirectory;
}

export class Session implements TaskHost {
  readonly initiatorName: string;
  readonly initiatorPort: string;
  readonly targetPort: TargetPort;
  readonly tsih: number;
  readonly target: ScsiTarget | undefined;
  readonly #parameters: Readonly<SessionParameters>;
  readonly #cid: number;
  readonly #host: SessionHost;
  readonly #window: CommandWindow;
  readonly #budget = new ByteBudget(MAX_BYTES_IN_FLIGHT);
  readonly #tasks = new Map<number, Task>();
  readonly #text: TextExchange;
  #statSn: number;
  #nextTransferTag = 1;
  #immediateCount = 0;
  #closing: (() => void)[] | undefined;
  #closed = false;

  constructor(identity: SessionIdentity, host: SessionHost, firstCmdSn: number, statSn: number) {
    this.initiatorName = identity.initiatorName;
    this.initiatorPort = `${identity.initiatorName},i,0x${identity.isid.toString('hex')}`;
    this.targetPort = identity.targetPort;
    this.tsih = identity.tsih;
    this.target = identity.target;
    this.#parameters = identity.parameters;
    this.#cid = identity.cid;
    this.#host = host;
    this.#window = new CommandWindow(firstCmdSn);
    this.#statSn = statSn;
    this.#text = new TextExchange(
      host.portals,
      identity.initiatorName,
      identity.target?.name,
      identity.parameters.initiatorDataSegmentBytes,
    );
    identity.target?.attach(this);
  }

  get firstBurstBytes(): number {
    return this.#parameters.firstBurstBytes;
  }

  get maxBurstBytes(): number {
    return this.#parameters.maxBurstBytes;
  }

  /** Numbers for a response; `uses` it up when it is one that the initiator acknowledges. */
  #numbers(uses: boolean): ResponseNumbers {
    const numbers = {
      statSn: this.#statSn,
      expCmdSn: this.#window.expCmdSn,
      maxCmdSn: this.#window.maxCmdSn,
    };
    if (uses) this.#statSn = serialAdd(this.#statSn, 1);
    return numbers;
  }

  // Requests

  scsiCommand(command: ScsiCommand, header: Buffer, data: Buffer): void {
    if (command.immediate) {
      if (this.#immediateCount >= MAX_IMMEDIATE_COMMANDS) return this.reject(REJECT.tooManyImmediate, header);
      return this.#begin(command, header, data);
    }
    const copy = Buffer.from(header); // an early command outlives the chunk it came in
    this.#window.arrive(command.cmdSn, () => this.#begin(command, copy, data));
  }

  dataOut(pdu: DataOut, dataBytes: number): void {
    this.#tasks.get(pdu.initiatorTaskTag)?.dataOut(pdu, dataBytes);
  }

  /** Where the data of a Data-Out belongs; undefined: nobody waits for it. */
  placeDataOut(pdu: DataOut, dataBytes: number): Buffer | undefined {
    return this.#tasks.get(pdu.initiatorTaskTag)?.placeFor(pdu, dataBytes);
  }

  nopOut(pdu: NopOut, data: Buffer): void {
    const deliver = (): void => {
      if (pdu.initiatorTaskTag === NO_TAG) return; // the answer to a ping of ours
      const fields = {
        initiatorTaskTag: pdu.initiatorTaskTag,
        targetTransferTag: NO_TAG,
        ...this.#numbers(true),
      };
      this.#send(() =>
        this.#host.output.pdu(
          writeNopIn,
          fields,
          data.subarray(0, this.#parameters.initiatorDataSegmentBytes),
        ),
      );
    };
    // "ITT = NO_TAG: the I bit MUST be set and CmdSN is not advanced" (§11.18.1).
    if (pdu.immediate || pdu.initiatorTaskTag === NO_TAG) deliver();
    else this.#window.arrive(pdu.cmdSn, deliver);
  }

  textRequest(pdu: TextRequest, header: Buffer, text: Buffer): void {
    const copy = Buffer.from(header);
    const deliver = (): void => {
      const answer = this.#text.step(pdu, text);
      if (answer.kind === 'reject') return this.reject(answer.reason, copy);
      const fields = { ...answer.fields, initiatorTaskTag: pdu.initiatorTaskTag, ...this.#numbers(true) };
      this.#send(() => this.#host.output.pdu(answer.write, fields, answer.text));
    };
    if (pdu.immediate) deliver();
    else this.#window.arrive(pdu.cmdSn, deliver);
  }

  taskManagement(pdu: TaskManagementRequest): void {
    const deliver = (): void =>
      performTaskFunction(pdu, this, (response) => {
        const fields = { response, initiatorTaskTag: pdu.initiatorTaskTag, ...this.#numbers(true) };
        this.#send(() => this.#host.output.pdu(writeTaskManagementResponse, fields));
      });
    if (pdu.immediate) deliver();
    else this.#window.arrive(pdu.cmdSn, deliver);
  }

  logout(pdu: LogoutRequest): void {
    const deliver = (): void => {
      const response = this.#logoutResponse(pdu);
      const answer = (): void => {
        const fields = { response, initiatorTaskTag: pdu.initiatorTaskTag, ...this.#numbers(true) };
        this.#send(() => this.#host.output.pdu(writeLogoutResponse, fields));
      };
      if (response !== LOGOUT_RESPONSE.closed) return answer();
      // "all tasks are terminated" (§11.14) before the answer says so.
      this.#abortAll(() => {
        this.target?.detach(this);
        answer();
        this.#host.end('the initiator logged out');
      });
    };
    if (pdu.immediate) deliver();
    else this.#window.arrive(pdu.cmdSn, deliver);
  }

  /** §11.15.1. Error recovery level 0 recovers no connections. */
  #logoutResponse({ reason, cid }: LogoutRequest): number {
    if (reason === LOGOUT_REASON.closeSession) return LOGOUT_RESPONSE.closed;
    if (reason !== LOGOUT_REASON.closeConnection) return LOGOUT_RESPONSE.recoveryNotSupported;
    return cid === this.#cid ? LOGOUT_RESPONSE.closed : LOGOUT_RESPONSE.cidNotFound;
  }

  /** A PDU that cannot be obeyed; it is sent back (§11.17). */
  reject(reason: number, header: Buffer): void {
    const fields = { reason, ...this.#numbers(true) };
    const about = Buffer.from(header);
    this.#send(() => this.#host.output.pdu(writeReject, fields, about));
  }

  /** Asks whether the initiator lives; any PDU of it answers. */
  ping(): void {
    const targetTransferTag = this.#takeTransferTag();
    const fields = { initiatorTaskTag: NO_TAG, targetTransferTag, ...this.#numbers(false) };
    this.#send(() => this.#host.output.pdu(writeNopIn, fields));
  }

  /** Announces what happens to the session (§11.9). */
  announce(event: number, parameters: AsyncMessage['parameters'] = [0, 0, 0]): void {
    const fields = { event, parameters, ...this.#numbers(true) };
    this.#send(() => this.#host.output.pdu(writeAsyncMessage, fields));
  }

  dropOthers(): void {
    this.#host.dropOthers();
  }

  /** A command that was named before its turn is never carried out (§11.5.1). */
  considerReceived(cmdSn: number): void {
    this.#window.drop(cmdSn);
  }

  /** The data of a Data-Out is not what was sent: its command fails (§7.8); false when it was no task's. */
  failDataOut(pdu: DataOut): boolean {
    const task = this.#tasks.get(pdu.initiatorTaskTag);
    task?.dataDigestError(pdu.final);
    return task !== undefined;
  }

  taskOf(initiatorTaskTag: number): Task | undefined {
    return this.#tasks.get(initiatorTaskTag);
  }

  get tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  get commandCount(): number {
    return this.#tasks.size;
  }

  get expCmdSn(): number {
    return this.#window.expCmdSn;
  }

  /** Duty 3. Idempotent; every caller is told. */
  close(done: () => void): void {
    if (this.#closed) return done();
    if (this.#closing !== undefined) {
      this.#closing.push(done);
      return;
    }
    this.#closing = [done];
    this.#abortAll(() => {
      this.#closed = true;
      this.target?.detach(this);
      for (const tell of this.#closing?.splice(0) ?? []) tell();
    });
  }

  // Tasks

  #begin(command: ScsiCommand, header: Buffer, data: Buffer): void {
    if (this.#closing !== undefined) return;
    if (this.target === undefined) return this.reject(REJECT.protocolError, header);
    if (this.#tasks.has(command.initiatorTaskTag)) return this.reject(REJECT.taskInProgress, header);
    if (
      data.length > 0 &&
      (!command.write || !this.#parameters.immediateData || data.length > command.expectedBytes)
    )
      return this.reject(REJECT.protocolError, header);
    const lun = readLun(command.lun, 0);
    const unit = lun === undefined ? undefined : this.target.unit(lun);
    const task = new Task(this, command, unit, data);
    this.#tasks.set(command.initiatorTaskTag, task);
    if (command.immediate) this.#immediateCount += 1;
    else this.#window.begin();
    this.target.execute(task, unit);
  }

  claimBytes(bytes: number, go: () => void, wanted: () => boolean): void {
    this.#budget.claim(bytes, go, wanted);
  }

  releaseBytes(bytes: number): void {
    this.#budget.release(bytes);
  }

  solicit(task: Task, r2tSn: number, bufferOffset: number, desiredBytes: number): number {
    const targetTransferTag = this.#takeTransferTag();
    const { lun, initiatorTaskTag } = task.command;
    const fields = {
      lun,
      initiatorTaskTag,
      targetTransferTag,
      r2tSn,
      bufferOffset,
      desiredBytes,
      ...this.#numbers(false),
    };
    this.#send(() => this.#host.output.pdu(writeReadyToTransfer, fields));
    return targetTransferTag;
  }

  answer(
    task: Task,
    status: number,
    sense: Sense | undefined,
    data: Buffer | undefined,
    residual: Residual,
    sent?: () => void,
  ): void {
    // The place in the window is free with the answer, so the answer may say so.
    this.#leaveWindow(task);
    if (this.#closing !== undefined) return;
    if (data !== undefined && data.length > 0) {
      this.#sendData(task, data, residual);
      if (sent !== undefined) this.#host.output.whenSent(sent);
    } else this.#sendStatus(task, status, sense, residual);
    this.#host.wake();
  }

  ended(task: Task): void {
    if (this.#tasks.get(task.command.initiatorTaskTag) !== task) return; // answered, hence gone already
    this.#leaveWindow(task);
  }

  #leaveWindow(task: Task): void {
    this.#tasks.delete(task.command.initiatorTaskTag);
    if (task.command.immediate) this.#immediateCount -= 1;
    else this.#window.end();
  }

  /** Data-In PDUs as long as the initiator takes them, in bursts of MaxBurstLength; the last one carries GOOD (§11.7.3). */
  #sendData(task: Task, data: Buffer, residual: Residual): void {
    const { initiatorTaskTag } = task.command;
    const { initiatorDataSegmentBytes, maxBurstBytes } = this.#parameters;
    let dataSn = 0;
    for (let at = 0; at < data.length;) {
      const burstEnd = (Math.floor(at / maxBurstBytes) + 1) * maxBurstBytes;
      const end = Math.min(data.length, at + initiatorDataSegmentBytes, burstEnd);
      const last = end === data.length;
      const fields = {
        final: last || end === burstEnd,
        withStatus: last,
        status: STATUS.good,
        initiatorTaskTag,
        dataSn,
        bufferOffset: at,
        residual: last ? residual : NO_RESIDUAL,
        ...this.#numbers(last),
      };
      this.#host.output.pdu(writeDataIn, fields, at === 0 && last ? data : data.subarray(at, end));
      dataSn += 1;
      at = end;
    }
  }

  #sendStatus(task: Task, status: number, sense: Sense | undefined, residual: Residual): void {
    const fields = {
      response: SCSI_RESPONSE.completed,
      status,
      initiatorTaskTag: task.command.initiatorTaskTag,
      expDataSn: 0,
      residual,
      ...this.#numbers(true),
    };
    if (sense === undefined) return this.#host.output.pdu(writeScsiResponse, fields);
    const bytes = encodeSense(sense, task.unit?.descriptorSense === true);
    const data = Buffer.alloc(2 + bytes.length);
    data.writeUInt16BE(bytes.length, 0);
    bytes.copy(data, 2);
    this.#host.output.pdu(writeScsiResponse, fields, data);
  }

  #takeTransferTag(): number {
    const tag = this.#nextTransferTag;
    this.#nextTransferTag = tag === NO_TAG - 1 ? 1 : tag + 1;
    return tag;
  }

  #send(put: () => void): void {
    if (this.#closing !== undefined) return;
    put();
    this.#host.wake();
  }

  // Aborting

  abortTasks(unit: LogicalUnit, except: unknown, done: () => void): void {
    this.#abort((task) => task.unit === unit && task !== except, done);
  }

  #abortAll(done: () => void): void {
    this.#abort(() => true, done);
  }

  #abort(wanted: (task: Task) => boolean, done: () => void): void {
    const victims = [...this.#tasks.values()].filter(wanted);
    whenAll(victims, (task, ended) => task.abort(ended), done);
  }
}
