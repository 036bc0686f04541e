/**
 * Two daemons of one node talking over a unix socket: one JSON document a line, requests, answers and notes in both directions.
 *
 *   {"id":7,"call":"promote","body":{…}}   a request
 *   {"id":7,"ok":{…}}                      its answer
 *   {"id":7,"error":{"code","message","hint"}}
 *   {"note":"status","body":{…}}           no answer expected
 *
 * Bounds: a line of 8 MiB, 1024 requests in flight. Beyond either, or on anything malformed, the link is closed.
 */
import { EterneError, type ErrorCode } from '@eterne/base';
import type { Stream, Timers } from './ports.ts';

export const LINK_LINE_BYTES_MAX = 8 * 1024 * 1024;
export const LINK_IN_FLIGHT_MAX = 1024;

export type Reply = (result: { readonly ok: unknown } | { readonly error: EterneError }) => void;

export interface JsonLinkHandler {
  onCall(name: string, body: unknown, reply: Reply): void;
  onNote(name: string, body: unknown): void;
  /** Last event; every call in flight has been answered with an error before. */
  onClose(error: EterneError | undefined): void;
}

type Answer = (result: unknown, error: EterneError | undefined) => void;

interface Line {
  readonly id?: unknown;
  readonly call?: unknown;
  readonly note?: unknown;
  readonly body?: unknown;
  readonly ok?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
}

export class JsonLink {
  readonly #stream: Stream;
  readonly #timers: Timers;
  readonly #handler: JsonLinkHandler;
  readonly #inFlight = new Map<number, Answer>();
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #nextId = 1;
  #closed = false;
  #corked = false;

  constructor(stream: Stream, timers: Timers, handler: JsonLinkHandler) {
    this.#stream = stream;
    this.#timers = timers;
    this.#handler = handler;
    stream.start({
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => {},
      onClose: (error) => this.#ended(error),
    });
  }

  /** Asks the other side; `answer` comes exactly once: the result, or an error (`timeout`, `unreachable`, or the other side's own). */
  call(name: string, body: unknown, timeoutMs: number, answer: Answer): void {
    if (this.#closed || this.#inFlight.size >= LINK_IN_FLIGHT_MAX) {
      const error = new EterneError(
        'unreachable',
        `${name}: ${this.#closed ? 'the link is closed' : 'too many calls in flight'}`,
      );
      this.#timers.soon(() => answer(undefined, error));
      return;
    }
    const id = this.#nextId++;
    const timer = this.#timers.after(timeoutMs, () => {
      this.#inFlight.delete(id);
      answer(undefined, new EterneError('timeout', `${name}: no answer within ${timeoutMs} ms`));
    });
    this.#inFlight.set(id, (result, error) => {
      timer.cancel();
      answer(result, error);
    });
    this.#send({ id, call: name, body });
  }

  note(name: string, body: unknown): void {
    this.#send({ note: name, body });
  }

  close(): void {
    this.#stream.end();
  }

  /** What is said in one turn leaves together, and wakes up the other side once. */
  #send(line: Record<string, unknown>): void {
    if (this.#closed) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      this.#timers.soon(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  #receive(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(10, start);
      if (end === -1) break;
      const tail = chunk.subarray(start, end);
      const line = this.#partialBytes === 0 ? tail : Buffer.concat([...this.#partial, tail]);
      this.#partial = [];
      this.#partialBytes = 0;
      start = end + 1;
      if (!this.#handleLine(line.toString('utf8'))) return this.#stream.destroy();
    }
    if (start === chunk.length) return;
    this.#partial.push(Buffer.from(chunk.subarray(start)));
    this.#partialBytes += chunk.length - start;
    if (this.#partialBytes > LINK_LINE_BYTES_MAX) this.#stream.destroy();
  }

  /** False when the line is not of the grammar above. */
  #handleLine(text: string): boolean {
    const line = parseLine(text);
    if (line === undefined || this.#closed) return false;
    if (typeof line.note === 'string') {
      this.#handler.onNote(line.note, line.body);
      return true;
    }
    if (typeof line.id !== 'number') return false;
    if (typeof line.call === 'string') {
      this.#serve(line.id, line.call, line.body);
      return true;
    }
    const answer = this.#inFlight.get(line.id);
    this.#inFlight.delete(line.id);
    const error = line.error;
    // An answer that came after its time-out finds nobody waiting: that is no fault of the link.
    answer?.(
      line.ok,
      error &&
        new EterneError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }),
    );
    return true;
  }

  #serve(id: number, name: string, body: unknown): void {
    let answered = false;
    this.#handler.onCall(name, body, (result) => {
      if (answered) return;
      answered = true;
      if ('ok' in result) return this.#send({ id, ok: result.ok ?? null });
      const { code, message, hint } = result.error;
      this.#send({ id, error: { code, message, ...(hint === undefined ? {} : { hint }) } });
    });
  }

  #ended(error: EterneError | undefined): void {
    this.#closed = true;
    const waiting = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const answer of waiting)
      answer(undefined, error ?? new EterneError('unreachable', 'the link was closed'));
    this.#handler.onClose(error);
  }
}

function parseLine(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
