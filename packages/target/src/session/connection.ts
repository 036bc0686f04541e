/**
 * One initiator's connection: the driver between its stream, the pure decoder, the login and the session.
 * ```
 *   login ──subject──▶ waiting (an older session of this port ends) ──▶ full feature ──logout──▶ ending ──▶ closed
 *     └───────────────────────┴── refused, nonsense, cut, or the initiator is gone ─────────────────────────▲
 * ```
 * Duties:
 * 1. Answers leave once per event.
 * 2. While the initiator does not read its answers, its bytes stay in its socket; no request is looked at while there are `MAX_GATHERED_BYTES` of answers.
 * 3. Every session is pinged now and then; one that sends nothing until the next time is cut.
 * 4. A connection whose target another process serves is handed over with all that was read of it, before anything was answered that depends on
 *    the target: that process takes the login from its first request on.
 */
import type { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import {
  DEFAULT_DATA_SEGMENT_BYTES,
  LOGIN_STATUS,
  MAX_DATA_SEGMENT_BYTES,
  OPCODE_MASK,
  PduDecoder,
  REJECT,
  REQUEST,
  serialAdd,
  type DecoderOwner,
} from '@eterne/iscsi';
import { readDataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { readLoginRequest, type LoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { writeLoginResponse } from '@eterne/iscsi/pdu/login-response.ts';
import { readLogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { readNopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { readScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { readTaskManagementRequest } from '@eterne/iscsi/pdu/task-management-request.ts';
import { readTextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { writeVector, type Address, type Stream, type Timer, type World } from '@eterne/runtime';
import {
  COMMAND_WINDOW,
  IDLE_PING_MS,
  LINGER_TIMEOUT_MS,
  LOGIN_TIMEOUT_MS,
  MAX_HANDED_OVER_BYTES,
} from '../limits.ts';
import type { TargetPort } from '../scsi/ports.ts';
import { LoginExchange, type LoginDirectory, type LoginReply, type LoginSubject } from './login.ts';
import { PduOutput } from './output.ts';
import type { Session, SessionHost } from './session.ts';
import type { PortalDirectory } from './text-exchange.ts';

/** The way an initiator came. */
export interface ConnectionPath {
  /** `host:port` it connected to; of a connection that another node forwarded, that node's. */
  readonly portal: Address;
  readonly port: TargetPort;
}

/** It belongs to another process from now on. */
export interface LeavingConnection {
  readonly stream: Stream;
  readonly path: ConnectionPath;
}

/** Of the login: CID, and the numbers with which the full feature phase begins. */
export interface ConnectionNumbers {
  readonly cid: number;
  readonly cmdSn: number;
  readonly statSn: number;
}

export interface ConnectionOwner {
  /** For data of PDUs. */
  readonly memory: BufferSlabs;
  readonly directory: LoginDirectory;
  /** Names of the targets that an initiator may log in to. */
  listTargets(initiatorName: string): readonly string[];
  /** Portals through which the targets are reached, the one of this path first. */
  portalsBeside(path: ConnectionPath): readonly Address[];
  /**
   * Makes the session of a login that succeeded, after an older one of the same initiator port has ended; or a login status when
   * there can be none.
   */
  open(
    subject: LoginSubject,
    tsih: number,
    host: SessionHost & { readonly path: ConnectionPath },
    numbers: ConnectionNumbers,
    done: (result: Session | number) => void,
  ): void;
  /** What arrives now may have waited for too long. */
  hasStoodStill(): boolean;
  /** Gives the connection to the process that serves the target of this name. */
  handOver(name: string, connection: LeavingConnection, surplus: Buffer, answered: number): void;
  dropOthers(session: Session): void;
  /** Last event of a connection. */
  onClosed(connection: Connection, session: Session | undefined, reason: string): void;
}

type Phase =
  | { readonly kind: 'login'; readonly exchange: LoginExchange }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'full-feature'; readonly session: Session }
  | { readonly kind: 'ending'; readonly session: Session | undefined }
  | { readonly kind: 'closed' };

export type ConnectionWorld = Pick<World, 'timers' | 'random'>;
const NOTHING = Buffer.alloc(0);

export class Connection implements DecoderOwner, SessionHost {
  readonly output = new PduOutput();
  readonly path: ConnectionPath;
  readonly portals: PortalDirectory;
  readonly #stream: Stream;
  readonly #world: ConnectionWorld;
  readonly #owner: ConnectionOwner;
  readonly #decoder: PduDecoder;
  #phase: Phase;
  #session: Session | undefined;
  /** Bytes received and not yet decoded, because duty 2 forbids it or the login is not settled. */
  #backlog: Buffer = NOTHING;
  /** All that was received until it is known whom it is for. */
  #opening: Buffer[] | undefined = [];
  /** Login requests that need no answer any more: another process has given it. */
  #answered: number;
  #flushScheduled = false;
  #outputBlocked = false;
  #heard = true;
  #statSn = 1;
  #deadline: Timer;
  #closeReason = 'the initiator closed the connection';

  constructor(
    stream: Stream,
    path: ConnectionPath,
    world: ConnectionWorld,
    owner: ConnectionOwner,
    answered: number,
  ) {
    this.#answered = answered;
    this.#stream = stream;
    this.#world = world;
    this.#owner = owner;
    this.path = path;
    this.portals = {
      listTargets: (initiatorName) => owner.listTargets(initiatorName),
      addresses: () => owner.portalsBeside(path),
      group: path.port.group,
    };
    this.#decoder = new PduDecoder(this, DEFAULT_DATA_SEGMENT_BYTES);
    this.#phase = {
      kind: 'login',
      exchange: new LoginExchange(owner.directory, path.port.group, world.random),
    };
    this.#deadline = world.timers.after(LOGIN_TIMEOUT_MS, () => this.cut('the login took too long'));
    stream.start({
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => this.#drained(),
      onClose: (error) => this.#closed(error?.message),
    });
  }

  get remoteAddress(): Address {
    return this.#stream.remoteAddress;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Closes at once, answering nothing. */
  cut(reason: string): void {
    if (this.#phase.kind === 'closed') return;
    this.#closeReason = reason;
    this.#phase = { kind: 'closed' };
    this.#stream.destroy();
  }

  /** Sends what is in the output, then closes; an initiator that does not close its side is cut. */
  end(reason: string): void {
    if (this.#phase.kind === 'closed' || this.#phase.kind === 'ending') return;
    this.#closeReason = reason;
    this.#phase = { kind: 'ending', session: this.#session };
    this.#deadline.cancel();
    this.#deadline = this.#world.timers.after(LINGER_TIMEOUT_MS, () => this.#stream.destroy());
    this.wake();
  }

  dropOthers(): void {
    if (this.#session !== undefined) this.#owner.dropOthers(this.#session);
  }

  wake(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#world.timers.afterEvent(() => this.#flush());
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#phase.kind === 'closed') return;
    const wasFull = this.output.isFull;
    const pieces = this.output.take();
    if (!writeVector(this.#stream, pieces)) this.#outputBlocked = true;
    this.output.settle(this.#stream.bufferedBytes);
    if (this.#phase.kind === 'ending') {
      this.#stream.end();
      this.#stream.resumeReading(); // the initiator's end of the connection is seen only while reading
    } else if (this.#outputBlocked) this.#stream.pauseReading();
    else if (wasFull) this.#resume();
  }

  #drained(): void {
    this.#outputBlocked = false;
    if (this.output.isEmpty) this.output.settle(this.#stream.bufferedBytes);
    this.#resume();
  }

  #receive(chunk: Buffer): void {
    this.#heard = true;
    if (this.#phase.kind === 'closed' || this.#phase.kind === 'ending') return;
    if (this.#owner.hasStoodStill()) return this.cut('this process stood still');
    this.#opening?.push(Buffer.from(chunk));
    if (this.#backlog.length > 0 || !this.#takes()) this.#backlog = Buffer.concat([this.#backlog, chunk]);
    else this.#decode(chunk);
  }

  #takes(): boolean {
    return (
      !this.#outputBlocked &&
      !this.output.isFull &&
      (this.#phase.kind === 'login' || this.#phase.kind === 'full-feature')
    );
  }

  #decode(chunk: Buffer): void {
    const consumed = this.#decoder.decode(chunk);
    if (this.#phase.kind === 'closed') return;
    if (this.#decoder.failure !== '') return this.#nonsense(this.#decoder.failure);
    this.#backlog = consumed === chunk.length ? NOTHING : Buffer.from(chunk.subarray(consumed));
    if (!this.#takes() && this.#phase.kind !== 'ending') this.#stream.pauseReading();
  }

  #resume(): void {
    if (!this.#takes()) return;
    const backlog = this.#backlog;
    this.#backlog = NOTHING;
    if (backlog.length > 0) this.#decode(backlog);
    if (this.#takes()) this.#stream.resumeReading();
  }

  /** Framing is lost: a refusal where there is one to give, then the end (RFC 7143 §7.7 and §7.8). */
  #nonsense(reason: string): void {
    if (this.#phase.kind === 'login') this.cut(reason);
    else this.end(reason);
  }

  // DecoderOwner

  place(header: Buffer, dataBytes: number): Buffer {
    if ((header.readUInt8(0) & OPCODE_MASK) === REQUEST.dataOut) {
      const place = this.#session?.placeDataOut(readDataOut(header), dataBytes);
      if (place !== undefined) return place;
    }
    return this.#owner.memory.take(dataBytes);
  }

  onPdu(header: Buffer, data: Buffer, dataBytes: number): boolean {
    switch (this.#phase.kind) {
      case 'login':
        this.#login(this.#phase.exchange, header, data.subarray(0, dataBytes));
        break;
      case 'full-feature':
        this.#request(this.#phase.session, header, data, dataBytes);
        break;
      case 'waiting':
      case 'ending':
      case 'closed':
        break;
    }
    return this.#takes();
  }

  /**
   * The PDU is dropped and its sender learns why (§7.8). Of a Data-Out that costs the command; of anything else its number in the order of
   * commands is missing for good, which at error recovery level 0 costs the session.
   */
  onDataDigestError(header: Buffer): boolean {
    this.#session?.reject(REJECT.dataDigestError, header);
    const isDataOut = (header.readUInt8(0) & OPCODE_MASK) === REQUEST.dataOut;
    if (isDataOut && this.#session?.failDataOut(readDataOut(header)) === true) return this.#takes();
    this.end('data digest error');
    return false;
  }

  // Full feature phase

  #request(session: Session, header: Buffer, data: Buffer, dataBytes: number): void {
    const opcode = header.readUInt8(0) & OPCODE_MASK;
    switch (opcode) {
      case REQUEST.scsiCommand:
        return session.scsiCommand(readScsiCommand(header), header, data);
      case REQUEST.dataOut:
        return session.dataOut(readDataOut(header), dataBytes);
      case REQUEST.nopOut:
        return session.nopOut(readNopOut(header), data);
      case REQUEST.taskManagement:
        return session.taskManagement(readTaskManagementRequest(header));
      case REQUEST.text:
        return session.textRequest(readTextRequest(header), header, data);
      case REQUEST.logout:
        return session.logout(readLogoutRequest(header));
      case REQUEST.snack:
        return session.reject(REJECT.snackReject, header);
      case REQUEST.login:
        return session.reject(REJECT.protocolError, header);
      default:
        return session.reject(REJECT.commandNotSupported, header);
    }
  }

  #idle(session: Session): void {
    this.#deadline = this.#world.timers.after(IDLE_PING_MS, () => {
      if (this.#phase.kind !== 'full-feature') return;
      if (!this.#heard) return this.cut('the initiator does not answer');
      this.#heard = false;
      session.ping();
      this.#idle(session);
    });
  }

  // Login

  #login(exchange: LoginExchange, header: Buffer, text: Buffer): void {
    if ((header.readUInt8(0) & OPCODE_MASK) !== REQUEST.login) return this.cut('no login request');
    const request = readLoginRequest(header);
    const reply = exchange.step(request, text);
    if (reply.elsewhere !== undefined) return this.#handOver(reply.elsewhere);
    if (!request.continues) this.#opening = undefined;
    if (reply.subject === undefined) return this.#replyToLogin(request, reply, 0);
    this.#phase = { kind: 'waiting' };
    this.#stream.pauseReading();
    const numbers = { cid: request.cid, cmdSn: request.cmdSn, statSn: serialAdd(this.#statSn, 1) };
    this.#owner.open(reply.subject, request.tsih, this, numbers, (result) => {
      this.#settle(request, reply, reply.subject as LoginSubject, result);
    });
  }

  /** Duty 4. */
  #handOver(name: string): void {
    const surplus = Buffer.concat(this.#opening ?? []);
    // An honest initiator waits for each answer, and its names are in its first request.
    if (!this.output.isEmpty || this.#stream.bufferedBytes > 0 || surplus.length > MAX_HANDED_OVER_BYTES)
      return this.cut('the login goes on before it was answered');
    this.#phase = { kind: 'closed' };
    this.#deadline.cancel();
    this.#opening = undefined;
    this.#owner.handOver(name, { stream: this.#stream, path: this.path }, surplus, this.#statSn - 1);
    this.#owner.onClosed(this, undefined, 'handed over to the process of its target');
  }

  #settle(request: LoginRequest, reply: LoginReply, subject: LoginSubject, result: Session | number): void {
    if (this.#phase.kind !== 'waiting') {
      // The initiator went away meanwhile: the session ends as one whose connection has closed.
      if (typeof result !== 'number') this.#owner.onClosed(this, result, this.#closeReason);
      return;
    }
    if (typeof result === 'number')
      return this.#replyToLogin(
        request,
        { ...reply, status: result, transit: false, reason: 'no session' },
        0,
      );
    this.#session = result;
    this.#phase = { kind: 'full-feature', session: result };
    this.#deadline.cancel();
    this.#idle(result);
    this.#replyToLogin(request, reply, result.tsih);
    const { headerDigest, dataDigest } = subject.parameters;
    this.output.digests = { header: headerDigest, data: dataDigest };
    this.#decoder.reconfigure({ header: headerDigest, data: dataDigest }, MAX_DATA_SEGMENT_BYTES);
    this.#resume();
  }

  #replyToLogin(request: LoginRequest, reply: LoginReply, tsih: number): void {
    const fields = {
      transit: reply.transit,
      continues: false,
      currentStage: reply.currentStage,
      nextStage: reply.nextStage,
      isid: request.isid,
      tsih: tsih === 0 ? request.tsih : tsih,
      initiatorTaskTag: request.initiatorTaskTag,
      status: reply.status,
      statSn: this.#statSn,
      expCmdSn: request.cmdSn,
      maxCmdSn: serialAdd(request.cmdSn, COMMAND_WINDOW - 1),
    };
    this.#statSn = serialAdd(this.#statSn, 1);
    if (this.#answered > 0) return void (this.#answered -= 1);
    this.output.pdu(writeLoginResponse, fields, reply.text);
    if (reply.status === LOGIN_STATUS.success) this.wake();
    else this.end(`login refused: ${reply.reason ?? 'no reason'}`);
  }

  #closed(error: string | undefined): void {
    this.#deadline.cancel();
    this.#phase = { kind: 'closed' };
    this.#backlog = NOTHING;
    this.#owner.onClosed(this, this.#session, error ?? this.#closeReason);
  }
}
