/**
 * An NBD client: opens an export and reads, writes and flushes it. Simple replies, one connection, at most `IN_FLIGHT_MAX` commands
 * at once (more wait their turn). When the connection ends every command in flight fails, and `onClose` tells.
 */
import { EterneError, assert } from '@eterne/base';
import type { Stream, World } from '@eterne/runtime';
import {
  COMMAND,
  COMMAND_FLAG,
  ERROR,
  REQUEST_HEADER_BYTES,
  REQUEST_MAGIC,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
} from '../wire.ts';
import { Negotiation, type ExportInfo } from './negotiation.ts';
import { parseNbdUri } from './uri.ts';

const IN_FLIGHT_MAX = 128;

export type NbdDone = (error: NbdError | undefined) => void;

/** `errno`: what the server answered, or `ESHUTDOWN` when it did not because the connection is over. */
export class NbdError extends EterneError {
  readonly errno: string;

  constructor(errno: string, message: string, cause?: EterneError) {
    super(cause === undefined ? 'io' : cause.code, message, { cause });
    this.errno = errno;
  }
}

interface Command {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly payload: Buffer | undefined;
  /** Filled by a READ. */
  readonly into: Buffer | undefined;
  readonly done: NbdDone;
}

export interface NbdClientOptions {
  readonly timeoutMs: number;
  readonly onClose: (error: EterneError | undefined) => void;
}

/** Numbers outside the protocol count as its general error. */
const errnoName = (value: number): string =>
  Object.entries(ERROR).find(([, number]) => number === value)?.[0] ?? 'EIO';

export class NbdClient {
  readonly sizeBytes: number;
  /** `TRANSMISSION_FLAG`s of the export. */
  readonly transmissionFlags: number;
  readonly #stream: Stream;
  readonly #inFlight = new Map<number, Command>();
  readonly #waiting: Command[] = [];
  #nextCookie = 1;
  /** Why the connection has ended. */
  #ended: EterneError | undefined;
  /** Reply header or READ payload being collected. */
  readonly #header = Buffer.alloc(SIMPLE_REPLY_BYTES);
  #headerBytes = 0;
  #reading: { readonly command: Command; filledBytes: number } | undefined;

  constructor(stream: Stream, info: ExportInfo) {
    this.#stream = stream;
    this.sizeBytes = info.sizeBytes;
    this.transmissionFlags = info.transmissionFlags;
  }

  read(offset: number, into: Buffer, done: NbdDone): void {
    this.#submit({
      type: COMMAND.read,
      flags: 0,
      offset,
      lengthBytes: into.length,
      payload: undefined,
      into,
      done,
    });
  }

  /** Owns `payload` until done. `fua`: durable before done. */
  write(offset: number, payload: Buffer, fua: boolean, done: NbdDone): void {
    const flags = fua ? COMMAND_FLAG.fua : 0;
    this.#submit({
      type: COMMAND.write,
      flags,
      offset,
      lengthBytes: payload.length,
      payload,
      into: undefined,
      done,
    });
  }

  flush(done: NbdDone): void {
    this.#submit({
      type: COMMAND.flush,
      flags: 0,
      offset: 0,
      lengthBytes: 0,
      payload: undefined,
      into: undefined,
      done,
    });
  }

  trim(offset: number, lengthBytes: number, done: NbdDone): void {
    this.#submit({
      type: COMMAND.trim,
      flags: 0,
      offset,
      lengthBytes,
      payload: undefined,
      into: undefined,
      done,
    });
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: NbdDone): void {
    this.#submit({
      type: COMMAND.writeZeroes,
      flags: mayPunch ? 0 : COMMAND_FLAG.noHole,
      offset,
      lengthBytes,
      payload: undefined,
      into: undefined,
      done,
    });
  }

  /** Drops the connection at once; commands in flight fail. */
  abandon(): void {
    this.#stream.destroy();
  }

  /** Tells the server, then closes; commands in flight fail. */
  close(): void {
    if (!this.#ended) this.#stream.write(encodeRequest(COMMAND.disconnect, 0, 0, 0, 0));
    this.#stream.end();
  }

  #submit(command: Command): void {
    if (this.#ended) return command.done(connectionOver(this.#ended));
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      this.#waiting.push(command);
      return;
    }
    const cookie = this.#nextCookie++;
    this.#inFlight.set(cookie, command);
    const { type, flags, offset, lengthBytes, payload } = command;
    this.#stream.cork();
    this.#stream.write(encodeRequest(type, flags, cookie, offset, lengthBytes));
    if (payload) this.#stream.write(payload);
    this.#stream.uncork();
  }

  /** Bytes of the transmission phase. */
  receive(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#ended)
      at = this.#reading ? this.#takePayload(chunk, at) : this.#takeHeader(chunk, at);
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerBytes, at);
    this.#headerBytes += copied;
    if (this.#headerBytes < SIMPLE_REPLY_BYTES) return at + copied;
    this.#headerBytes = 0;
    const cookie = Number(this.#header.readBigUInt64BE(8));
    const command = this.#inFlight.get(cookie);
    if (this.#header.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC || !command) {
      this.#stream.destroy();
      return chunk.length;
    }
    this.#inFlight.delete(cookie);
    const errno = this.#header.readUInt32BE(4);
    if (errno !== 0) this.#finish(command, commandFailed(errnoName(errno)));
    else if (command.into && command.into.length > 0) this.#reading = { command, filledBytes: 0 };
    else this.#finish(command, undefined);
    return at + copied;
  }

  #takePayload(chunk: Buffer, at: number): number {
    const reading = this.#reading;
    assert(reading?.command.into !== undefined, 'only a READ has a payload');
    const copied = chunk.copy(reading.command.into, reading.filledBytes, at);
    reading.filledBytes += copied;
    if (reading.filledBytes === reading.command.into.length) {
      this.#reading = undefined;
      this.#finish(reading.command, undefined);
    }
    return at + copied;
  }

  #finish(command: Command, error: NbdError | undefined): void {
    const next = this.#waiting.shift();
    if (next) this.#submit(next);
    command.done(error);
  }

  /** The connection has ended. */
  closed(error: EterneError): void {
    this.#ended = error;
    const lost = [
      ...this.#inFlight.values(),
      ...(this.#reading ? [this.#reading.command] : []),
      ...this.#waiting,
    ];
    this.#inFlight.clear();
    this.#waiting.length = 0;
    for (const command of lost) command.done(connectionOver(error));
  }
}

/** As the code of its reason, whether the command was under way then or comes later. */
function connectionOver(reason: EterneError): NbdError {
  return new NbdError('ESHUTDOWN', reason.message, reason);
}

function commandFailed(errno: string): NbdError {
  return new NbdError(errno, `NBD command failed: ${errno}`);
}

function encodeRequest(
  type: number,
  flags: number,
  cookie: number,
  offset: number,
  lengthBytes: number,
): Buffer {
  const bytes = Buffer.allocUnsafe(REQUEST_HEADER_BYTES);
  bytes.writeUInt32BE(REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(flags, 4);
  bytes.writeUInt16BE(type, 6);
  bytes.writeBigUInt64BE(BigInt(cookie), 8);
  bytes.writeBigUInt64BE(BigInt(offset), 16);
  bytes.writeUInt32BE(lengthBytes, 24);
  return bytes;
}

/** Connects to an NBD URI and opens its export. Errors: `config`, `unreachable`, `timeout`, `refused`, `protocol`. */
export function openNbd(
  world: Pick<World, 'network' | 'timers'>,
  uri: string,
  options: NbdClientOptions,
  done: (result: NbdClient | EterneError) => void,
): void {
  let parsed: ReturnType<typeof parseNbdUri>;
  try {
    parsed = parseNbdUri(uri);
  } catch (error) {
    assert(error instanceof EterneError, 'parseNbdUri throws operating errors only');
    const reported = error;
    world.timers.soon(() => done(reported));
    return;
  }
  const { address, exportName } = parsed;
  world.network.connect(address, { timeoutMs: options.timeoutMs }, (stream) => {
    if (stream instanceof EterneError) return done(stream);
    negotiate(world, stream, exportName, options, done);
  });
}

function negotiate(
  world: Pick<World, 'timers'>,
  stream: Stream,
  exportName: string,
  options: NbdClientOptions,
  done: (result: NbdClient | EterneError) => void,
): void {
  const negotiation = new Negotiation(exportName);
  let client: NbdClient | undefined;
  let failure: EterneError | undefined;
  const fail = (error: EterneError): void => {
    failure = error;
    stream.destroy();
  };
  const timer = world.timers.after(options.timeoutMs, () => {
    fail(new EterneError('timeout', `the NBD server did not open ${JSON.stringify(exportName)} in time`));
  });
  const advance = (chunk: Buffer): void => {
    for (let step = negotiation.take(chunk); step.kind !== 'more'; step = negotiation.take(Buffer.alloc(0))) {
      if (step.kind === 'failed') return fail(step.error);
      if (step.kind === 'send') stream.write(step.bytes);
      if (step.kind === 'done') {
        timer.cancel();
        client = new NbdClient(stream, step.info);
        done(client);
        return client.receive(step.surplus);
      }
    }
  };
  stream.start({
    onData: (chunk) => (client ? client.receive(chunk) : advance(chunk)),
    onDrain: () => {},
    onClose(error) {
      timer.cancel();
      const reason =
        failure ?? error ?? new EterneError('unreachable', 'the NBD server closed the connection');
      if (!client) return done(reason);
      client.closed(reason);
      options.onClose(error);
    },
  });
}
