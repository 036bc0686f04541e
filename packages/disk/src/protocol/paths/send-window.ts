/**
 * The sending half of a session over several connections. Keeps what was sent until it is acknowledged, so that what went into a connection that
 * died can go again over another one. Pure: it says what to send where.
 */
import { EterneError, assert } from '@eterne/base';
import { MAX_SEGMENT_BYTES, SEGMENT_HEADER_BYTES, encodeData } from './segment.ts';

/** Sent and not yet acknowledged; what the receiver may have to keep. */
export const WINDOW_BYTES = 16 * 1024 * 1024;

interface Sent {
  readonly position: number;
  readonly bytes: Buffer;
  /** The connection it was last sent on; undefined: none that lives. */
  path: number | undefined;
}

const dataBytes = ({ bytes }: Sent): number => bytes.length - SEGMENT_HEADER_BYTES;

export class SendWindow {
  /** In order of position; from the first that is not acknowledged. */
  readonly #segments: Sent[] = [];
  /** Index of the first segment never sent. */
  #unsent = 0;
  /** Segments before `#unsent` whose connection died. */
  #orphans = 0;
  #acknowledged = 0;
  #end = 0;
  readonly #outstanding = new Map<number, number>();

  /** Written and not sent yet. */
  get waitingBytes(): number {
    const first = this.#segments[this.#unsent];
    return first === undefined ? 0 : this.#end - first.position;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Sent over this connection and not acknowledged. */
  outstandingBytes(path: number): number {
    return this.#outstanding.get(path) ?? 0;
  }

  /** Copies. */
  append(pieces: readonly Buffer[]): void {
    let part: Buffer[] = [];
    let partBytes = 0;
    const close = (): void => {
      if (partBytes === 0) return;
      this.#segments.push({
        position: this.#end,
        bytes: encodeData(this.#end, part, partBytes),
        path: undefined,
      });
      this.#end += partBytes;
      part = [];
      partBytes = 0;
    };
    for (let piece of pieces) {
      while (piece.length > 0) {
        const taken = piece.subarray(0, MAX_SEGMENT_BYTES - partBytes);
        part.push(taken);
        partBytes += taken.length;
        piece = piece.subarray(taken.length);
        if (partBytes === MAX_SEGMENT_BYTES) close();
      }
    }
    close();
  }

  /** The next segment to go out over `path`, or undefined when nothing may. */
  next(path: number): Buffer | undefined {
    if (this.#orphans > 0) {
      const orphan = this.#segments.find((segment) => segment.path === undefined);
      assert(orphan !== undefined, 'a counted orphan exists');
      this.#orphans -= 1;
      return this.#send(orphan, path);
    }
    const segment = this.#segments[this.#unsent];
    if (segment === undefined || segment.position + dataBytes(segment) > this.#acknowledged + WINDOW_BYTES)
      return undefined;
    this.#unsent += 1;
    return this.#send(segment, path);
  }

  /** Everything before `position` has been delivered. */
  acknowledged(position: number): void {
    const first = this.#segments[this.#unsent];
    if (position > (first?.position ?? this.#end))
      throw new EterneError('protocol', 'something is acknowledged that was not sent');
    if (position <= this.#acknowledged) return; // an older word on a slower path
    this.#acknowledged = position;
    let count = 0;
    for (const segment of this.#segments) {
      if (segment.position + dataBytes(segment) > position) break;
      if (segment.path === undefined) this.#orphans -= 1;
      else this.#addOutstanding(segment.path, -dataBytes(segment));
      count += 1;
    }
    this.#segments.splice(0, count);
    this.#unsent -= count;
  }

  /** The connection is gone: what went into it and was not acknowledged goes out again. */
  pathLost(path: number): void {
    this.#outstanding.delete(path);
    for (const segment of this.#segments) {
      if (segment.path !== path) continue;
      segment.path = undefined;
      this.#orphans += 1;
    }
  }

  #send(segment: Sent, path: number): Buffer {
    segment.path = path;
    this.#addOutstanding(path, dataBytes(segment));
    return segment.bytes;
  }

  #addOutstanding(path: number, bytes: number): void {
    this.#outstanding.set(path, this.outstandingBytes(path) + bytes);
  }
}
