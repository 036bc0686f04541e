/**
 * Worker processes with handed-over connections: the supervisor accepts, the worker serves. A worker is a process, not a thread, because
 * Node.js passes sockets only between processes, and because a worker whose disk hangs can then be killed alone.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { assert } from '@eterne/base';
import type { Stream } from '../ports.ts';
import { dieWithParent } from './native.ts';
import { waitedForProcessorMs } from './processes.ts';
import { POOL_THREADS } from './pool-share.ts';
import { NodeStream, adoptSocket } from './stream.ts';

export interface WorkerHandler {
  onMessage(message: unknown): void;
  /** Exactly once. */
  onExit(code: number | null, signal: string | null): void;
}

export interface Worker {
  readonly pid: number | undefined;
  send(message: unknown): void;
  /** Gives a connection away, with the bytes already read from it (`surplus`, at most 64 KiB). */
  sendStream(message: unknown, stream: Stream, surplus: Buffer): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** For how much of its life its first thread was ready to run and had no processor; undefined where the system does not say. */
  waitedForProcessorMs(): number | undefined;
}

/** What travels over the IPC channel. */
interface Envelope {
  readonly message: unknown;
  readonly stream?: { readonly local: string; readonly remote: string; readonly surplus: string };
}

const SURPLUS_BYTES_MAX = 64 * 1024;

/** `threads`: of its pool. `flags`: of its Node.js. */
export function startWorker(
  modulePath: string,
  args: readonly string[],
  handler: WorkerHandler,
  threads: number = POOL_THREADS,
  flags: readonly string[] = process.execArgv,
): Worker {
  const child: ChildProcess = fork(modulePath, [...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...flags],
    env: { ...process.env, UV_THREADPOOL_SIZE: String(threads) },
  });
  let exited = false;
  const exit = (code: number | null, signal: string | null): void => {
    if (exited) return;
    exited = true;
    handler.onExit(code, signal);
  };
  child.on('message', (envelope) => handler.onMessage((envelope as Envelope).message));
  child.on('exit', exit);
  child.on('error', () => exit(null, null));
  const send = (envelope: Envelope, socket?: Socket): void => {
    if (!child.connected) return void socket?.destroy();
    child.send(envelope, socket, { keepOpen: false }, () => {}); // a dead worker is reported by 'exit'
  };
  return {
    pid: child.pid,
    waitedForProcessorMs: () => (child.pid === undefined ? undefined : waitedForProcessorMs(child.pid)),
    send: (message) => send({ message }),
    sendStream(message, stream, surplus) {
      assert(stream instanceof NodeStream, 'only a plain socket can be handed over');
      assert(surplus.length <= SURPLUS_BYTES_MAX, 'surplus within its bound');
      const { localAddress: local, remoteAddress: remote } = stream;
      send({ message, stream: { local, remote, surplus: surplus.toString('base64') } }, stream.release());
    },
    kill: (signal) => void child.kill(signal),
  };
}

export interface Supervisor {
  send(message: unknown): void;
}

export interface SupervisedHandler {
  onMessage(message: unknown): void;
  onStream(message: unknown, stream: Stream): void;
}

/** In a worker: talks to the supervisor that started it, and dies with it. */
export function attachToSupervisor(handler: SupervisedHandler): Supervisor {
  assert(process.send !== undefined, 'started by startWorker');
  dieWithParent();
  process.on('disconnect', () => process.exit(1));
  process.on('message', (raw, handle) => {
    const { message, stream } = raw as Envelope;
    if (!stream) return handler.onMessage(message);
    if (!(handle instanceof Socket)) return; // it was closed on its way here
    handler.onStream(
      message,
      adoptSocket(handle, stream.local, stream.remote, Buffer.from(stream.surplus, 'base64')),
    );
  });
  return { send: (message) => void process.send?.({ message } satisfies Envelope) };
}
