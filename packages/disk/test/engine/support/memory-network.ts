import { EterneError } from '@eterne/base';
import type { Network, Stream, StreamHandler } from '@eterne/runtime';
import type { Scheduler } from './scheduler.ts';

/** The process that an end belongs to. */
interface Owner {
  readonly isDead: () => boolean;
  /** For how long it stands still, and reads nothing. */
  readonly stillMs?: () => number;
}

/** One direction's end of an in-memory stream. Bytes arrive in pieces of odd sizes, after a latency, unless the wire is cut. */
class Pipe implements Stream {
  readonly localAddress = 'memory';
  readonly remoteAddress = 'memory';
  readonly bufferedBytes = 0;
  other: Pipe | undefined;
  readonly #net: MemoryNetwork;
  readonly #isDead: () => boolean;
  readonly #stillMs: () => number;
  #handler: StreamHandler | undefined;
  #closed = false;
  #paused = false;
  #inbox: Buffer[] = [];

  readonly #isCut: () => boolean;
  readonly #latency: () => number;

  constructor(net: MemoryNetwork, { isDead, stillMs }: Owner, isCut: () => boolean, latency: () => number) {
    this.#net = net;
    this.#latency = latency;
    this.#isDead = isDead;
    this.#stillMs = stillMs ?? (() => 0);
    this.#isCut = isCut;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#net.scheduler.at(0, () => this.#deliver());
  }

  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    this.#net.bytesCarried += chunk.length;
    const bytes = this.#net.altered(Buffer.from(chunk));
    const { other } = this;
    this.#net.scheduler.at(this.#latency(), () => {
      if (!this.#isCut()) other?.arrive(bytes);
    });
    return true;
  }

  /** Called once, with the first bytes, instead of delivering them. */
  onPreface: ((preface: string) => void) | undefined;

  arrive(bytes: Buffer): void {
    const { onPreface } = this;
    if (onPreface !== undefined) {
      this.onPreface = undefined;
      return onPreface(bytes.toString());
    }
    this.#inbox.push(bytes);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#stillMs() > 0) return void this.#net.scheduler.at(this.#stillMs(), () => this.#deliver());
    while (!this.#paused && !this.#closed && !this.#isDead() && this.#handler !== undefined) {
      const next = this.#inbox.shift();
      if (next === undefined) return;
      const size = Math.min(next.length, this.#net.pieceBytes());
      if (size < next.length) this.#inbox.unshift(next.subarray(size));
      this.#handler.onData(Buffer.from(next.subarray(0, size)));
    }
  }

  cork(): void {}
  uncork(): void {}

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#net.scheduler.at(0, () => this.#deliver());
  }

  end(): void {
    const { other } = this;
    this.#net.scheduler.at(this.#latency(), () => {
      if (!this.#isCut()) other?.closeWith(undefined);
    });
    this.closeWith(undefined);
  }

  destroy(): void {
    this.end();
  }

  closeWith(error: EterneError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#net.scheduler.at(0, () => {
      if (!this.#isDead()) this.#handler?.onClose(error);
    });
  }
}

/** Streams between the nodes of one test. `isCut`: everything sent is lost, silently. */
export class MemoryNetwork {
  readonly scheduler: Scheduler;
  latencyMs = 0.1;
  isCut = false;
  bytesCarried = 0;
  pieceBytes: () => number = () => Number.MAX_SAFE_INTEGER;
  /** What becomes of what is sent. */
  altered: (bytes: Buffer) => Buffer = (bytes) => bytes;
  /** Address → who accepts there. */
  readonly listeners = new Map<string, Owner & { accept(stream: Stream, preface: string): void }>();
  readonly #pipes: { readonly pipe: Pipe; readonly isDead: () => boolean }[] = [];

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  /** Milliseconds of links that are slower or faster than the others, by their two ends in order of the alphabet. */
  readonly latencyOf = new Map<string, number>();

  /** Links that lose everything, by their two ends in order of the alphabet. */
  readonly cutLinks = new Set<string>();

  cut(a: string, b: string): void {
    this.cutLinks.add(linkOf(a, b));
  }

  heal(a: string, b: string): void {
    this.cutLinks.delete(linkOf(a, b));
  }

  /** `from`: the node whose door this is. */
  portOf(isDead: () => boolean, from = '', stillMs = (): number => 0): Network {
    return {
      listen: () => {
        throw new TypeError('not in these tests');
      },
      secure: () => {
        throw new TypeError('not in these tests');
      },
      datagram: () => {
        throw new TypeError('not in these tests');
      },
      connect: (address, _options, done) => {
        this.scheduler.at(this.latencyMs, () => {
          if (isDead()) return;
          const listener = this.listeners.get(address);
          const isCut = (): boolean => this.isCut || this.cutLinks.has(linkOf(from, address));
          if (isCut() || listener === undefined || listener.isDead())
            return done(new EterneError('unreachable', `nobody listens at ${address}`));
          const latency = (): number => this.latencyOf.get(linkOf(from, address)) ?? this.latencyMs;
          const mine = new Pipe(this, { isDead, stillMs }, isCut, latency);
          const theirs = new Pipe(this, listener, isCut, latency);
          mine.other = theirs;
          theirs.other = mine;
          this.#pipes.push({ pipe: mine, isDead }, { pipe: theirs, isDead: () => listener.isDead() });
          theirs.onPreface = (preface) => listener.accept(theirs, preface);
          done(mine);
        });
      },
    };
  }

  /** A process has died: the kernel closes its sockets. */
  reap(): void {
    for (const { pipe, isDead } of this.#pipes) if (isDead()) pipe.end();
  }
}

function linkOf(a: string, b: string): string {
  return [a, b].sort().join();
}
