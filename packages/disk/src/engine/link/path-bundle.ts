/**
 * Several connections with one peer that look like one stream to the session above (DESIGN §4 "several paths: fail over and aggregate").
 *
 * Duties
 * 1. What goes out takes the connection with the least under way; so each carries what it can.
 * 2. What went into a connection that died goes out again over the others; the receiver drops what came twice.
 * 3. A connection that is silent while another is not is dead after `SILENT_TICKS_MAX`: well before the session above loses patience.
 * 4. The bundle lives as long as one of its connections does.
 * 5. Whatever is heard on one of them is a sign of life, also while what was lost with another one is not there again and nothing can be delivered.
 */
import { EterneError } from '@eterne/base';
import type { Address, Stream, StreamHandler, Timer, Timers } from '@eterne/runtime';
import { Reassembly } from '../../protocol/paths/reassembly.ts';
import { SegmentDecoder, encodeAck, type Segment } from '../../protocol/paths/segment.ts';
import { SendWindow } from '../../protocol/paths/send-window.ts';

const TICK_MS = 250;
const SILENT_TICKS_MAX = 3;
/** When all are silent the session above decides, by its own patience. */
const ALL_SILENT_TICKS_MAX = 8;
/** A delivery of so much is acknowledged at once. */
const ACK_EVERY_BYTES = 256 * 1024;
/** A connection with so much not yet given to the kernel gets no more for now. */
const PATH_FULL_BYTES = 1024 * 1024;
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
const MAX_PATHS = 16;

interface Path {
  readonly id: number;
  readonly stream: Stream;
  readonly decoder: SegmentDecoder;
  /** The dialer is silent on a new connection until it is greeted. */
  isUsable: boolean;
  heard: boolean;
  silentTicks: number;
}

export class PathBundle implements Stream {
  /** Names it among the bundles of two nodes; drawn by the dialer. */
  readonly id: string;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #timers: Timers;
  readonly #isDialer: boolean;
  readonly #paths: Path[] = [];
  readonly #window = new SendWindow();
  readonly #inbox = new Reassembly((data) => this.#handler?.onData(data));
  readonly #ticker: Timer;
  #handler: StreamHandler | undefined;
  #nextPath = 1;
  #acknowledged = 0;
  #corked: Buffer[] | undefined;
  #isReading = true;
  #isFull = false;
  #ending = false;
  #closed: { readonly error: EterneError | undefined } | undefined;

  constructor(id: string, first: Stream, timers: Timers, isDialer: boolean) {
    this.id = id;
    this.localAddress = first.localAddress;
    this.remoteAddress = first.remoteAddress;
    this.#timers = timers;
    this.#isDialer = isDialer;
    this.#ticker = timers.every(TICK_MS, () => this.#tick());
    this.join(first);
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** The peer has spoken. */
  get isAnswered(): boolean {
    return this.#paths.some(({ isUsable }) => isUsable);
  }

  has(stream: Stream): boolean {
    return this.#paths.some((path) => path.stream === stream);
  }

  /** Remote addresses of the living connections. */
  get addresses(): readonly Address[] {
    return this.#paths.filter(({ isUsable }) => isUsable).map(({ stream }) => stream.remoteAddress);
  }

  get bufferedBytes(): number {
    return this.#paths.reduce((sum, { stream }) => sum + stream.bufferedBytes, this.#window.waitingBytes);
  }

  /** One more connection with the same peer. */
  join(stream: Stream): void {
    if (this.#closed !== undefined || this.#ending || this.#paths.length >= MAX_PATHS)
      return stream.destroy();
    const id = this.#nextPath++;
    const path: Path = {
      id,
      stream,
      decoder: new SegmentDecoder(
        (segment) => this.#received(path, segment),
        () => stream.destroy(),
      ),
      isUsable: !this.#isDialer,
      heard: false,
      silentTicks: 0,
    };
    this.#paths.push(path);
    stream.start({
      onData: (chunk) => this.#heard(path, chunk),
      onDrain: () => this.#pump(),
      onClose: (error) => this.#lost(path, error),
    });
    if (path.isUsable) stream.write(encodeAck(this.#inbox.delivered));
    this.#pump();
  }

  /** Gives a connection up, while another one works; false: there is none. What went into it and was not acknowledged goes out again. */
  leave(stream: Stream): boolean {
    const path = this.#paths.find((candidate) => candidate.stream === stream);
    if (path === undefined) return true;
    if (!this.#paths.some((other) => other !== path && other.isUsable && other.silentTicks <= 1))
      return false;
    stream.destroy();
    this.#lost(path, undefined);
    return true;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#timers.soon(() => {
      if (this.#closed !== undefined) handler.onClose(this.#closed.error);
      else if (this.#isReading) this.#inbox.resume();
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#closed !== undefined || this.#ending) return true;
    if (this.#corked !== undefined) this.#corked.push(chunk);
    else {
      this.#window.append([chunk]);
      this.#pump();
    }
    this.#isFull = this.bufferedBytes >= HIGH_WATER_BYTES;
    return !this.#isFull;
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    const pieces = this.#corked ?? [];
    this.#corked = undefined;
    this.#window.append(pieces);
    this.#pump();
  }

  pauseReading(): void {
    this.#isReading = false;
    this.#inbox.pause();
  }

  resumeReading(): void {
    this.#isReading = true;
    this.#timers.soon(() => {
      if (this.#isReading) this.#guarded(() => this.#inbox.resume());
    });
  }

  end(): void {
    this.#ending = true;
    this.#pump();
    for (const { stream } of this.#paths) stream.end();
  }

  destroy(): void {
    for (const { stream } of this.#paths) stream.destroy();
    this.#close(undefined);
  }

  #heard(path: Path, chunk: Buffer): void {
    path.heard = true;
    path.silentTicks = 0;
    this.#handler?.onSign?.();
    if (!path.isUsable) {
      path.isUsable = true;
      this.#pump();
    }
    path.decoder.push(chunk);
  }

  #received(path: Path, segment: Segment): void {
    this.#guarded(() => {
      if (segment.kind === 'ack') {
        this.#window.acknowledged(segment.delivered);
        this.#pump();
      } else {
        this.#inbox.take(segment.position, segment.data);
        if (this.#inbox.delivered - this.#acknowledged >= ACK_EVERY_BYTES) this.#acknowledge(path);
      }
    });
  }

  /** A peer that breaks the rules of the bundle loses it whole. */
  #guarded(work: () => void): void {
    if (this.#closed !== undefined) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      for (const { stream } of this.#paths) stream.destroy();
      this.#close(error);
    }
  }

  #acknowledge(path: Path): void {
    this.#acknowledged = this.#inbox.delivered;
    path.stream.write(encodeAck(this.#inbox.delivered));
  }

  #pump(): void {
    for (;;) {
      const path = this.#leastBusy();
      const segment = path && this.#window.next(path.id);
      if (path === undefined || segment === undefined) break;
      path.stream.write(segment);
    }
    if (!this.#isFull || this.bufferedBytes >= HIGH_WATER_BYTES) return;
    this.#isFull = false;
    this.#handler?.onDrain();
  }

  #leastBusy(): Path | undefined {
    let best: Path | undefined;
    for (const path of this.#paths) {
      if (!path.isUsable || path.silentTicks > 1 || path.stream.bufferedBytes >= PATH_FULL_BYTES) continue;
      if (best === undefined || this.#load(path) < this.#load(best)) best = path;
    }
    return best;
  }

  #load(path: Path): number {
    return this.#window.outstandingBytes(path.id);
  }

  #tick(): void {
    const someoneSpeaks = this.#paths.some(({ heard }) => heard);
    for (const path of this.#paths.slice()) {
      path.silentTicks = path.heard ? 0 : path.silentTicks + 1;
      path.heard = false;
      const limit = someoneSpeaks ? SILENT_TICKS_MAX : ALL_SILENT_TICKS_MAX;
      if (path.silentTicks >= limit) this.#drop(path);
      else if (path.isUsable) this.#acknowledge(path);
    }
    this.#pump();
  }

  #drop(path: Path): void {
    path.stream.destroy();
    this.#lost(path, new EterneError('timeout', `silent for ${path.silentTicks * TICK_MS} ms`));
  }

  #lost(path: Path, error: EterneError | undefined): void {
    const index = this.#paths.indexOf(path);
    if (index === -1) return;
    this.#paths.splice(index, 1);
    path.decoder.stop();
    this.#window.pathLost(path.id);
    if (this.#paths.length === 0) this.#close(error);
    else this.#pump();
  }

  #close(error: EterneError | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#ticker.cancel();
    const handler = this.#handler;
    if (handler !== undefined) this.#timers.soon(() => handler.onClose(error));
  }
}
