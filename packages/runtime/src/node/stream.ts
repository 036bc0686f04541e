/**
 * TCP, TLS and unix sockets as `Stream`s.
 *
 * Plain sockets read into one slab per stream (`onread`): at 1 MiB requests this doubles the throughput over
 * freshly allocated chunks. Node.js offers `onread` only to sockets it creates itself, so an accepted
 * socket's handle is moved into a new `Socket` before its first byte is read.
 */
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { assert, type EterneError } from '@eterne/base';
import type { Address, Stream, StreamHandler } from '../ports.ts';
import { systemError } from './errno.ts';
import { inEvent } from './event-end.ts';
import { resendEvenly } from './native.ts';

/** Big enough for a 1 MiB request with its header in few reads; the kernel gives what it has. */
const SLAB_BYTES = 1024 * 1024;
/** Beyond this `write` answers false. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

const isTls = (socket: Socket): socket is TLSSocket => 'encrypted' in socket && socket.encrypted === true;

interface Handle {
  readonly fd: number;
  readStart(): void;
  readStop(): void;
}

/** Node.js keeps the operating system's handle in this undocumented field; sockets are re-created around it. */
type WithHandle = Socket & { _handle: Handle | null };

export class NodeStream implements Stream {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  #socket: Socket;
  #surplus: Buffer | undefined;
  #handler: StreamHandler | undefined;
  #closedEarly: { readonly error: EterneError | undefined } | undefined;
  #lastError: NodeJS.ErrnoException | undefined;
  #paused = true;
  #gone = false;

  constructor(socket: Socket, localAddress: Address, remoteAddress: Address, surplus?: Buffer) {
    this.#socket = socket;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
    this.#surplus = surplus;
    const { _handle: handle } = socket as WithHandle;
    if (handle !== null && !localAddress.startsWith('unix:')) resendEvenly(handle.fd);
    socket.on('error', (error) => (this.#lastError = error));
    socket.on('close', () => this.#closed());
    socket.on('drain', () => this.#handler?.onDrain());
    if (isTls(socket)) socket.on('data', (chunk: Buffer) => this.receive(chunk));
    // Half-open connections have no use here: the other side's end is the end.
    socket.on('end', () => socket.end());
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: StreamHandler): void {
    assert(this.#handler === undefined, 'a stream is started once');
    this.#handler = handler;
    setImmediate(() => {
      if (this.#closedEarly) return handler.onClose(this.#closedEarly.error);
      const surplus = this.#surplus;
      this.#surplus = undefined;
      if (surplus && surplus.length > 0) handler.onData(surplus);
      this.resumeReading();
    });
  }

  /** For the socket's receive path only. */
  receive(chunk: Buffer): void {
    if (!this.#gone) this.#handler?.onData(chunk);
  }

  /** For the socket's receive path only. */
  room(): Buffer | undefined {
    return this.#gone ? undefined : this.#handler?.room?.();
  }

  write(chunk: Buffer): boolean {
    if (this.#gone || !this.#socket.writable) return true;
    this.#socket.write(chunk);
    return this.#socket.writableLength < HIGH_WATER_BYTES;
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pauseReading(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The bare socket, for handing it to another process; this stream is dead afterwards and reports nothing more. */
  release(): Socket {
    this.#gone = true;
    this.#handler = undefined;
    this.#socket.pause();
    this.#socket.removeAllListeners();
    return this.#socket;
  }

  #closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    const error = this.#lastError && systemError(`connection with ${this.remoteAddress}`, this.#lastError);
    if (this.#handler) this.#handler.onClose(error);
    else this.#closedEarly = { error };
  }
}

/** A socket that reads into a slab, or where its handler says, and reports to `owner.stream`, to be filled in by the caller before reading starts. */
export function slabOptions(owner: { stream: NodeStream | undefined }) {
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let into: Buffer = slab;
  return {
    /** Asked before the first read and after every one. */
    buffer: (): Buffer => (into = owner.stream?.room() ?? slab),
    callback: (count: number): boolean => {
      inEvent(() => owner.stream?.receive(into.subarray(0, count)));
      return true;
    },
  };
}

/** Moves an accepted socket (paused, unread) into one that reads into a slab. */
export function adoptSocket(
  accepted: Socket,
  localAddress: Address,
  remoteAddress: Address,
  surplus?: Buffer,
): NodeStream {
  const donor = accepted as WithHandle;
  const handle = donor._handle;
  assert(handle !== null, 'an accepted socket has a handle');
  donor._handle = null;
  const owner: { stream: NodeStream | undefined } = { stream: undefined };
  const options = {
    handle,
    onread: slabOptions(owner),
    readable: true,
    writable: true,
    // Nothing is read before `start`: there would be nobody to take it.
    pauseOnCreate: true,
    highWaterMark: HIGH_WATER_BYTES,
  };
  const socket = new Socket(options as never);
  donor.removeAllListeners();
  donor.destroy();
  socket.setNoDelay(true);
  owner.stream = new NodeStream(socket, localAddress, remoteAddress, surplus);
  return owner.stream;
}
