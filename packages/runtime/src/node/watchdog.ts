import * as fs from 'node:fs';
import { EterneError } from '@eterne/base';
import type { Network, Stream } from '../ports.ts';
import type { Watchdog, Watchdogs } from '../watchdog.ts';
import { systemError } from './errno.ts';
import { setWatchdogTimeout } from './native.ts';

const FEED = Buffer.of(0);
/** The "magic close": without it closing the device leaves it armed. */
const DISARM = Buffer.from('V');
const CONNECT_TIMEOUT_MS = 1000;

/** One that cannot be fed is closed, still armed: the device lets nobody else open it before, and whoever opens it again in time feeds it. */
export class DeviceWatchdog implements Watchdog {
  readonly timeoutMs: number;
  readonly #path: string;
  /** Undefined: closed. */
  #fd: number | undefined;
  #lost: (error: EterneError) => void = () => {};

  constructor(path: string, fd: number, timeoutMs: number) {
    this.#path = path;
    this.#fd = fd;
    this.timeoutMs = timeoutMs;
  }

  feed(): void {
    this.#write(FEED);
  }

  disarm(): void {
    this.#write(DISARM);
    this.#close();
  }

  onLost(listener: (error: EterneError) => void): void {
    this.#lost = listener;
  }

  #close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #write(bytes: Buffer): void {
    if (this.#fd === undefined) return;
    try {
      fs.writeSync(this.#fd, bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#close();
      this.#lost(systemError(`feed ${this.#path}`, error));
    }
  }
}

class SocketWatchdog implements Watchdog {
  readonly timeoutMs: number;
  readonly #stream: Stream;
  #lost: (error: EterneError) => void = () => {};

  constructor(device: string, stream: Stream, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#stream = stream;
    stream.start({
      onData: () => {},
      onDrain: () => {},
      onClose: (error) => this.#lost(error ?? new EterneError('unreachable', `${device} has ended`)),
    });
    stream.write(Buffer.from(`timeout ${timeoutMs}\n`));
  }

  feed(): void {
    this.#stream.write(FEED);
  }

  disarm(): void {
    this.#lost = () => {};
    this.#stream.write(DISARM);
    this.#stream.end();
  }

  onLost(listener: (error: EterneError) => void): void {
    this.#lost = listener;
  }
}

export function nodeWatchdogs(network: Network): Watchdogs {
  return {
    open(device, timeoutMs, done) {
      if (!device.startsWith('unix:')) return void setImmediate(() => done(openDevice(device, timeoutMs)));
      network.connect(device, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) =>
        done(stream instanceof EterneError ? stream : new SocketWatchdog(device, stream, timeoutMs)),
      );
    },
  };
}

function openDevice(path: string, timeoutMs: number): Watchdog | EterneError {
  try {
    if (!fs.statSync(path).isCharacterDevice())
      return new EterneError('config', `${path} is no watchdog: not a character device`);
    const fd = fs.openSync(path, 'w');
    const actualMs = setWatchdogTimeout(fd, timeoutMs);
    if (actualMs !== undefined) return new DeviceWatchdog(path, fd, actualMs);
    fs.closeSync(fd);
    return new EterneError('unsupported', `${path} is no watchdog: it takes no timeout`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return systemError(`open ${path}`, error);
  }
}
