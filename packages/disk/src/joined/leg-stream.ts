import type { Stream, StreamHandler, Timers } from '@eterne/runtime';

/** Beyond this `write` answers false. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

/** One end of a stream within this process. Bytes are passed on as they are, a turn of the event loop later. */
class StreamEnd implements Stream {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly #timers: Timers;
  #other: StreamEnd | undefined;
  #handler: StreamHandler | undefined;
  /** On its way to the other end. */
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isFull = false;
  #isPaused = true;
  #isScheduled = false;
  /** Nothing is written any more; the other end hears of it behind what is queued. */
  #isEnding = false;
  #isClosed = false;

  constructor(timers: Timers, localAddress: string, remoteAddress: string) {
    this.#timers = timers;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
  }

  join(other: StreamEnd): void {
    this.#other = other;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.resumeReading();
    if (this.#isClosed) this.#tellClosed();
  }

  write(chunk: Buffer): boolean {
    if (this.#isEnding || this.#isClosed) return true;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#isFull = this.#queuedBytes >= HIGH_WATER_BYTES;
    this.#schedule();
    return !this.#isFull;
  }

  cork(): void {}
  uncork(): void {}

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    this.#other?.wake();
  }

  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  destroy(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.close();
    this.#other?.close();
  }

  // What the other end calls.

  /** Takes a chunk, if this end reads just now. */
  take(chunk: Buffer): boolean {
    if (this.#handler === undefined || this.#isPaused || this.#isClosed) return false;
    this.#handler.onData(chunk);
    return true;
  }

  /** The other end reads again. */
  wake(): void {
    if (this.#queue.length > 0 || this.#isEnding) this.#schedule();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#handler !== undefined) this.#tellClosed();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#timers.soon(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const other = this.#other;
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      if (other?.take(chunk) !== true) break;
      // Taking it may have closed the stream, and emptied the queue.
      if (this.#queue.shift() === undefined) break;
      this.#queuedBytes -= chunk.length;
    }
    if (this.#isFull && this.#queuedBytes < HIGH_WATER_BYTES && !this.#isClosed) {
      this.#isFull = false;
      this.#handler?.onDrain();
    }
    if (!this.#isEnding || this.#queue.length > 0 || this.#isClosed) return;
    this.close();
    other?.close();
  }

  #tellClosed(): void {
    this.#timers.soon(() => this.#handler?.onClose(undefined));
  }
}

/** The two ends of a stream within this process: of `from`, who opened it, and of `to`. */
export function streamPair(timers: Timers, from: string, to: string): readonly [Stream, Stream] {
  const opened = new StreamEnd(timers, from, to);
  const accepted = new StreamEnd(timers, to, from);
  opened.join(accepted);
  accepted.join(opened);
  return [opened, accepted];
}
