/**
 * An initiator's connection on its way between two nodes, as a stream. What its initiator sent may wait on that way (a stopped process, a link that is down for a
 * while) until the initiator has given the connection up and repeated its writes by another: then they must not arrive any more.
 * ```
 *   forwarding node ──bytes and beats, marked with the primary's clock as last heard──▶ primary
 *                   ◀──────────── bytes and beats, marked with its clock ───────────────
 * ```
 * Duties:
 * 1. The primary reads nothing that the forwarding node may have sent more than `STALE_MS` ago by the primary's own clock: then the connection ends.
 * 2. Either side ends it when it has heard nothing for `STALE_MS`.
 * The forwarding node keeps the same bound for what waits in itself (front-channel.ts).
 */
import type { Address, Stream, StreamHandler, Timer, World } from '@eterne/runtime';
import { FrontFrames, frameHeader, type FrameOwner } from './front-frames.ts';

/** Shorter than any initiator waits before it gives a silent connection up (open-iscsi 10 s, QEMU 15 s). */
export const STALE_MS = 5_000;
export const BEAT_MS = 500;
const NOTHING = Buffer.alloc(0);

type FrontWorld = Pick<World, 'timers' | 'clock'>;

/** `onReady`: on the forwarding node, when the primary has been heard for the first time; before it nothing may be written. */
export type FrontSide =
  { readonly kind: 'primary' } | { readonly kind: 'forwarder'; readonly onReady: () => void };

export class FrontStream implements Stream, FrameOwner {
  readonly #stream: Stream;
  readonly #world: FrontWorld;
  readonly #side: FrontSide;
  readonly #frames = new FrontFrames(this);
  readonly #beat: Timer;
  #handler: StreamHandler | undefined;
  #heardBootMs: number;
  /** On the forwarding node: the primary's clock as last heard. */
  #echo: number | undefined;
  #paused = false;
  #ended = false;

  constructor(stream: Stream, world: FrontWorld, side: FrontSide) {
    this.#stream = stream;
    this.#world = world;
    this.#side = side;
    this.#heardBootMs = world.clock.bootMs();
    this.#beat = world.timers.every(BEAT_MS, () => this.#tick());
  }

  get localAddress(): Address {
    return this.#stream.localAddress;
  }

  get remoteAddress(): Address {
    return this.#stream.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#stream.bufferedBytes;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#stream.start({
      onData: (chunk) => {
        if (!this.#ended && !this.#frames.decode(chunk)) this.destroy();
      },
      onDrain: () => handler.onDrain(),
      onClose: (error) => {
        this.#stop();
        handler.onClose(error);
      },
    });
    if (this.#side.kind === 'primary') this.write(NOTHING);
  }

  write(chunk: Buffer): boolean {
    this.#stream.cork();
    const taken = this.#stream.write(frameHeader(chunk.length, this.#mark()));
    const takenAll = chunk.length > 0 ? this.#stream.write(chunk) : taken;
    this.#stream.uncork();
    return takenAll;
  }

  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  pauseReading(): void {
    this.#paused = true;
    this.#stream.pauseReading();
  }

  resumeReading(): void {
    this.#paused = false;
    this.#heardBootMs = this.#world.clock.bootMs();
    this.#stream.resumeReading();
  }

  end(): void {
    this.#stop();
    this.#stream.end();
  }

  destroy(): void {
    this.#stop();
    this.#stream.destroy();
  }

  // FrameOwner

  onFrame(mark: number): boolean {
    const nowBootMs = this.#world.clock.bootMs();
    this.#heardBootMs = nowBootMs;
    if (this.#side.kind === 'primary') return (this.#mark() - mark) >>> 0 <= STALE_MS;
    const isFirst = this.#echo === undefined;
    this.#echo = mark;
    if (isFirst) this.#side.onReady();
    return true;
  }

  onBytes(bytes: Buffer): void {
    if (!this.#ended) this.#handler?.onData(bytes);
  }

  #mark(): number {
    return this.#side.kind === 'primary' ? Math.floor(this.#world.clock.bootMs()) >>> 0 : (this.#echo ?? 0);
  }

  #tick(): void {
    const isSilent = this.#world.clock.bootMs() - this.#heardBootMs > STALE_MS;
    // Who does not read hears nothing either; what waits meanwhile shows its age when it is read.
    if (isSilent && !this.#paused) this.destroy();
    else if (this.#side.kind === 'primary' || this.#echo !== undefined) this.write(NOTHING);
  }

  #stop(): void {
    this.#ended = true;
    this.#beat.cancel();
  }
}
