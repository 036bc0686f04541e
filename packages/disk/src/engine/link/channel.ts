import type { EterneError } from '@eterne/base';
import type { Stream, Timer, Timers } from '@eterne/runtime';
import { FrameDecoder, type Frame } from '../../protocol/frame-decoder.ts';
import { FrameSender, type FrameOptions } from '../../protocol/frame-sender.ts';
import { encodeBye } from '../../protocol/messages/bye.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';

/** A peer that is silent for so many ticks is dead. Counted in ticks of ours, so that a stall of this process kills no peer. */
const TICK_MS = 250;
const SILENT_TICKS_MAX = 6;
/**
 * One that gives signs of life and no frames is waited for longer: what went into a path that died comes again over another one only when both sides have noticed, and
 * either may have stood still before that.
 */
const STUCK_TICKS_MAX = 12;

export interface ChannelHandler {
  onFrame(frame: Frame): void;
  /** Last event, exactly once. */
  onClosed(reason: string): void;
}

/** Frames over one stream, kept alive, with one end of life whatever ended it. */
export class Channel {
  readonly #stream: Stream;
  readonly #handler: ChannelHandler;
  readonly #timers: Timers;
  readonly #options: FrameOptions;
  readonly #decoder: FrameDecoder;
  #sender: FrameSender | undefined;
  readonly #ticker: Timer;
  #heard = false;
  #signed = false;
  #silentTicks = 0;
  #stuckTicks = 0;
  #closed = false;

  constructor(
    stream: Stream,
    timers: Timers,
    memory: BufferSlabs,
    handler: ChannelHandler,
    options: FrameOptions,
  ) {
    this.#stream = stream;
    this.#timers = timers;
    this.#handler = handler;
    this.#options = options;
    this.#decoder = new FrameDecoder(
      memory,
      (frame) => handler.onFrame(frame),
      (error) => this.close(error.message),
    );
    this.#ticker = timers.every(TICK_MS, () => this.#tick());
  }

  get closed(): boolean {
    return this.#closed;
  }

  get session(): number | undefined {
    return this.#decoder.session;
  }

  /** Only after `open`. */
  get sender(): FrameSender {
    if (this.#sender === undefined) throw new TypeError('a channel is opened before it is written to');
    return this.#sender;
  }

  /** Names the session in which this side speaks; nothing was sent before. */
  open(session: number): void {
    this.#sender = new FrameSender(this.#stream, this.#timers, session, this.#options);
    this.#decoder.session = session;
  }

  start(): void {
    this.#stream.start({
      onData: (chunk) => this.#received(chunk),
      room: () => this.#decoder.room,
      onSign: () => (this.#signed = true),
      onDrain: () => {},
      onClose: (error: EterneError | undefined) => this.close(error?.message ?? 'closed by the peer'),
    });
  }

  /** Frames wait until `release`: a duty must become durable first. */
  hold(): void {
    this.#decoder.hold();
    this.#stream.pauseReading();
  }

  release(): void {
    if (this.#closed) return;
    this.#decoder.release();
    if (!this.#decoder.held && !this.#closed) this.#stream.resumeReading();
  }

  /** Says why, then closes. */
  bye(reason: string): void {
    if (this.#closed) return;
    this.#sender?.send(FrameType.bye, encodeBye(reason));
    this.#sender?.flush();
    this.#end(reason, () => this.#stream.end());
  }

  close(reason: string): void {
    if (!this.#closed) this.#end(reason, () => this.#stream.destroy());
  }

  #end(reason: string, shut: () => void): void {
    this.#closed = true;
    this.#ticker.cancel();
    this.#decoder.stop();
    this.#sender?.close();
    shut();
    this.#handler.onClosed(reason);
  }

  #received(chunk: Buffer): void {
    if (this.#closed) return;
    this.#heard = true;
    this.#decoder.push(chunk);
  }

  #tick(): void {
    const delivers = this.#heard || this.#decoder.held;
    this.#silentTicks = delivers || this.#signed ? 0 : this.#silentTicks + 1;
    this.#stuckTicks = delivers ? 0 : this.#stuckTicks + 1;
    this.#heard = this.#signed = false;
    if (this.#silentTicks >= SILENT_TICKS_MAX)
      return this.close(`silent for ${this.#silentTicks * TICK_MS} ms`);
    if (this.#stuckTicks >= STUCK_TICKS_MAX)
      return this.close(`it lives, and nothing has come through for ${this.#stuckTicks * TICK_MS} ms`);
    if (this.#sender === undefined) return;
    this.#sender.begin(FrameType.ping, 0);
    this.#sender.end();
  }
}
