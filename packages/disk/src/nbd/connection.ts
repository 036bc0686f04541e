/**
 * One client's connection: the driver between its stream, the pure decoders and the device.
 * ```
 *   handshake ──GO──▶ transmission ──DISC──▶ draining (answers what is in flight) ──▶ closed
 *        └───────────────┴── nonsense, cut, or the client is gone ──▶ closed
 * ```
 * Duties:
 * 1. Not more than `MAX_COMMANDS_IN_FLIGHT` commands and `MAX_BYTES_IN_FLIGHT` bytes are taken and unanswered; beyond that, and
 *    while the client does not read its replies, its bytes stay in its socket.
 * 2. Replies leave once per event.
 * 3. After `cut` nothing more is answered: a reply from an ended term would be a lie.
 */
import { EterneError, assert } from '@eterne/base';
import { writeVector, type DeviceErrorCode, type Stream, type Timer, type Timers } from '@eterne/runtime';
import { blockStatus } from './block-status.ts';
import type { ByteDevice } from './byte-device.ts';
import { commandError, type NbdCommand } from './command.ts';
import { CommandDecoder } from './command-decoder.ts';
import type { ExportCatalog } from './export.ts';
import { Handshake, greeting, type NbdSession } from './handshake.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  MAX_BYTES_IN_FLIGHT,
  MAX_COMMANDS_IN_FLIGHT,
} from './limits.ts';
import type { BufferSlabs } from '../engine/buffer-slabs.ts';
import { ReplyBatch } from './reply-batch.ts';
import { COMMAND, COMMAND_FLAG, type NbdErrorName } from './wire.ts';

export interface ConnectionOwner {
  readonly exports: ExportCatalog;
  /** Payloads are cut from it. */
  readonly memory: BufferSlabs;
  /** Puts TLS on a client's connection; absent: this export is served in clear. */
  readonly secure?: (stream: Stream, done: (result: Stream | EterneError) => void) => void;
  /** The byte-granular view of a session's device, one for all connections. */
  bytesOf(session: NbdSession): ByteDevice;
  /** Last event of a connection. */
  onClosed(connection: NbdConnection, reason: string): void;
}

type Phase =
  | { readonly kind: 'handshake'; readonly handshake: Handshake }
  | { readonly kind: 'transmission'; readonly session: NbdSession; readonly bytes: ByteDevice }
  | { readonly kind: 'draining'; readonly session: NbdSession }
  | { readonly kind: 'closed' };

/** Data of READs that the stream sends from where the device put it. */
interface Lent {
  readonly data: readonly Buffer[];
  /** It has left when the stream has sent so many bytes. */
  readonly endBytes: number;
}

const NOTHING = Buffer.alloc(0);

export class NbdConnection {
  #stream: Stream;
  readonly #timers: Timers;
  readonly #owner: ConnectionOwner;
  readonly #decoder: CommandDecoder;
  readonly #replies = new ReplyBatch();
  /** Among `#replies`, not copied. */
  #unwritten: Buffer[] = [];
  readonly #lent: Lent[] = [];
  #writtenBytes = 0;
  #phase: Phase;
  /** Bytes received and not yet decoded, because duty 1 forbids it. */
  #backlog: Buffer = NOTHING;
  #commandsInFlight = 0;
  #bytesInFlight = 0;
  /** Of those in flight, the ones whose replies wait in `#replies`. */
  #commandsAnswered = 0;
  #bytesAnswered = 0;
  #repliesScheduled = false;
  #outputBlocked = false;
  /** Until the handshake is over, and again from our end of the connection to the client's. */
  #deadline: Timer;
  #closeReason = 'the client closed the connection';

  constructor(stream: Stream, timers: Timers, owner: ConnectionOwner) {
    this.#stream = stream;
    this.#timers = timers;
    this.#owner = owner;
    this.#decoder = new CommandDecoder(owner.memory);
    const secrecy = owner.secure === undefined ? 'clear' : 'demanded';
    this.#phase = { kind: 'handshake', handshake: new Handshake(owner.exports, secrecy) };
    this.#deadline = timers.after(HANDSHAKE_TIMEOUT_MS, () => this.cut('the handshake took too long'));
    this.#start();
    stream.write(greeting());
  }

  #start(): void {
    this.#stream.start({
      onData: (chunk) => this.#receive(chunk),
      room: () => (this.#backlog.length > 0 ? undefined : this.#decoder.room),
      onDrain: () => this.#drained(),
      onClose: (error) => this.#closed(error?.message),
    });
  }

  /** The session's term, once it has one. */
  get session(): NbdSession | undefined {
    return this.#phase.kind === 'transmission' || this.#phase.kind === 'draining'
      ? this.#phase.session
      : undefined;
  }

  /** Closes at once, answering nothing. */
  cut(reason: string): void {
    if (this.#phase.kind === 'closed') return;
    this.#closeReason = reason;
    this.#phase = { kind: 'closed' };
    this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#phase.kind === 'handshake') return this.#negotiate(this.#phase.handshake, chunk);
    if (this.#phase.kind !== 'transmission') return;
    if (this.#backlog.length > 0) this.#backlog = Buffer.concat([this.#backlog, chunk]);
    else this.#decode(chunk);
  }

  #negotiate(handshake: Handshake, chunk: Buffer): void {
    const { send, outcome } = handshake.push(chunk);
    for (const bytes of send) this.#stream.write(bytes);
    if (outcome.kind === 'continue') return;
    if (outcome.kind === 'close') return this.#end(outcome.reason);
    if (outcome.kind === 'secure') return this.#secure(handshake);
    this.#deadline.cancel();
    const { session, rest } = outcome;
    this.#phase = { kind: 'transmission', session, bytes: this.#owner.bytesOf(session) };
    if (rest.length > 0) this.#decode(rest);
  }

  #secure(handshake: Handshake): void {
    assert(this.#owner.secure !== undefined, 'TLS is agreed on only where there is a certificate');
    this.#owner.secure(this.#stream, (secured) => {
      if (secured instanceof EterneError) return this.#closed(secured.message);
      if (this.#phase.kind === 'closed') {
        secured.destroy();
        return this.#closed(undefined);
      }
      this.#stream = secured;
      handshake.secured();
      this.#start();
    });
  }

  /** Decodes and starts commands until duty 1 forbids more; the rest becomes the backlog. */
  #decode(chunk: Buffer): void {
    const consumed = this.#decoder.decode(chunk, this.#begin);
    if (this.#decoder.failed) return this.cut('the client sent something that is not a request');
    this.#backlog = consumed === chunk.length ? NOTHING : Buffer.from(chunk.subarray(consumed));
    if (this.#full()) this.#stream.pauseReading();
  }

  #full(): boolean {
    return (
      this.#outputBlocked ||
      this.#commandsInFlight >= MAX_COMMANDS_IN_FLIGHT ||
      this.#bytesInFlight >= MAX_BYTES_IN_FLIGHT
    );
  }

  /** Takes up again what duty 1 had stopped. */
  #pump(): void {
    if (this.#phase.kind !== 'transmission' || this.#full()) return;
    if (this.#backlog.length > 0) {
      this.#decode(this.#backlog);
      if (this.#full()) return;
    }
    this.#stream.resumeReading();
  }

  readonly #begin = (command: NbdCommand): boolean => {
    if (this.#phase.kind !== 'transmission') return false;
    const { session, bytes } = this.#phase;
    if (command.type === COMMAND.disconnect) {
      this.#phase = { kind: 'draining', session };
      this.#finishDraining();
      return false;
    }
    this.#commandsInFlight += 1;
    this.#bytesInFlight += claimedBytes(command);
    const error = commandError(command, session);
    if (error === undefined) this.#execute(command, bytes);
    else this.#finish(command, error);
    return !this.#full();
  };

  #execute(command: NbdCommand, bytes: ByteDevice): void {
    const { offset, lengthBytes, payload } = command;
    const fua = (command.flags & COMMAND_FLAG.fua) !== 0;
    const done = (error: DeviceErrorCode | undefined): void => this.#finish(command, error);
    switch (command.type) {
      case COMMAND.read:
        return bytes.read(offset, lengthBytes, (error, data) =>
          this.#finish(command, error, (session) => this.#answerData(command, session, bytes, data)),
        );
      case COMMAND.write:
        return bytes.write(offset, payload ?? NOTHING, fua, (error, isFree) => {
          if (isFree === true && payload !== undefined) this.#owner.memory.give(payload);
          done(error);
        });
      case COMMAND.flush:
        return bytes.flush(done);
      case COMMAND.trim:
        return bytes.discard(
          offset,
          lengthBytes,
          fua ? (error) => this.#flushAfter(bytes, error, done) : done,
        );
      case COMMAND.writeZeroes:
        return bytes.writeZeroes(offset, lengthBytes, (command.flags & COMMAND_FLAG.noHole) === 0, fua, done);
      case COMMAND.blockStatus: {
        const onlyOne = (command.flags & COMMAND_FLAG.reqOne) !== 0;
        return blockStatus(bytes, offset, lengthBytes, onlyOne, (error, extents) =>
          this.#finish(command, error, () => this.#replies.blockStatus(command, extents)),
        );
      }
      default:
        return done(undefined); // CACHE: reads are quick enough without
    }
  }

  /** A TRIM with FUA: the device's discard has no FUA of its own. */
  #flushAfter(
    bytes: ByteDevice,
    error: DeviceErrorCode | undefined,
    done: (error?: DeviceErrorCode) => void,
  ): void {
    if (error === undefined) bytes.flush(done);
    else done(error);
  }

  /** `answer`: where success is more than a simple reply. */
  #finish(
    command: NbdCommand,
    error: DeviceErrorCode | NbdErrorName | undefined,
    answer?: (session: NbdSession) => void,
  ): void {
    const session = this.session;
    if (session === undefined) return;
    if (error !== undefined) this.#answerError(command, session, error === 'ETIMEDOUT' ? 'EIO' : error);
    else if (answer === undefined) this.#replies.simple(command, undefined);
    else answer(session);
    this.#commandsAnswered += 1;
    this.#bytesAnswered += claimedBytes(command);
    this.#scheduleReplies();
  }

  #answerError(command: NbdCommand, session: NbdSession, error: NbdErrorName): void {
    if (session.structuredReplies) this.#replies.error(command, error);
    else this.#replies.simple(command, error);
  }

  #answerData(command: NbdCommand, session: NbdSession, bytes: ByteDevice, data: Buffer): void {
    const isCopied = session.structuredReplies
      ? this.#replies.offsetData(command, data)
      : this.#replies.simpleData(command, data);
    if (isCopied) bytes.release(data);
    else this.#unwritten.push(data);
  }

  #scheduleReplies(): void {
    if (this.#repliesScheduled) return;
    this.#repliesScheduled = true;
    this.#timers.afterEvent(() => this.#sendReplies());
  }

  #sendReplies(): void {
    this.#repliesScheduled = false;
    if (this.#phase.kind === 'closed') return;
    const pieces = this.#replies.take();
    for (const piece of pieces) this.#writtenBytes += piece.length;
    if (!writeVector(this.#stream, pieces)) this.#outputBlocked = true;
    if (this.#unwritten.length > 0) {
      this.#lent.push({ data: this.#unwritten, endBytes: this.#writtenBytes });
      this.#unwritten = [];
    }
    if (this.#stream.bufferedBytes === 0) this.#replies.startOver();
    this.#settleLent();
    this.#release();
    this.#finishDraining();
    this.#pump();
  }

  /** What has been sent serves again. */
  #settleLent(): void {
    const sentBytes = this.#writtenBytes - this.#stream.bufferedBytes;
    for (let first = this.#lent[0]; first !== undefined; first = this.#lent[0]) {
      if (first.endBytes > sentBytes) break;
      this.#lent.shift();
      if (this.#phase.kind === 'transmission') for (const data of first.data) this.#phase.bytes.release(data);
    }
  }

  /** A command is in flight until its reply is with the stream: only then is its memory no longer ours. */
  #release(): void {
    this.#commandsInFlight -= this.#commandsAnswered;
    this.#bytesInFlight -= this.#bytesAnswered;
    this.#commandsAnswered = 0;
    this.#bytesAnswered = 0;
  }

  #drained(): void {
    this.#outputBlocked = false;
    this.#pump();
  }

  /** "NBD_CMD_DISC": everything outstanding is answered first. */
  #finishDraining(): void {
    if (this.#phase.kind === 'draining' && this.#commandsInFlight === 0) this.#end('the client disconnected');
  }

  /** Sends what is queued, then closes; a client that does not close its side is cut. */
  #end(reason: string): void {
    this.#closeReason = reason;
    this.#phase = { kind: 'closed' };
    this.#stream.end();
    this.#deadline.cancel();
    this.#deadline = this.#timers.after(LINGER_TIMEOUT_MS, () => this.#stream.destroy());
  }

  #closed(error: string | undefined): void {
    this.#deadline.cancel();
    this.#phase = { kind: 'closed' };
    this.#backlog = NOTHING;
    this.#owner.onClosed(this, error ?? this.#closeReason);
  }
}

/** Memory a command holds until it is answered: its payload, or its reply's data. */
function claimedBytes(command: NbdCommand): number {
  return command.type === COMMAND.read || command.type === COMMAND.write ? command.lengthBytes : 0;
}
