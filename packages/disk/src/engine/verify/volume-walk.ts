/**
 * A way through the volume, range by range: a bounded number of bytes is under way at a time, and the marks are durable before anybody hears
 * that it has ended.
 */
import type { DirtyBitmap } from '../../metadata/index.ts';
import type { Range } from '../../protocol/messages/resync.ts';

export interface WalkParts {
  readonly bitmap: DirtyBitmap;
  readonly windowBytes: number;
  /** The next range, in order; undefined: there is none. */
  next(): Range | undefined;
  /** Sets it on its way. */
  begin(range: Range): void;
  /** May this side still lock ranges against the application's writes? */
  mayGoOn(): boolean;
  /** Nothing is begun any more. */
  closed(): void;
  /** Cut short; what was marked until then is. */
  stopped(reason: string): void;
  done(): void;
}

export class VolumeWalk {
  readonly #parts: WalkParts;
  #underWayBytes = 0;
  #isClosed = false;

  constructor(parts: WalkParts) {
    this.#parts = parts;
  }

  proceed(): void {
    const parts = this.#parts;
    if (this.#isClosed) return;
    if (!parts.mayGoOn()) return this.stop('another node is primary now');
    while (this.#underWayBytes < parts.windowBytes) {
      const range = parts.next();
      if (range === undefined) break;
      this.#underWayBytes += range.lengthBytes;
      parts.begin(range);
    }
    if (this.#underWayBytes === 0) this.#finish();
  }

  /** So much of what was begun needs nothing more. */
  settled(lengthBytes: number): void {
    this.#underWayBytes -= lengthBytes;
  }

  stop(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#parts.bitmap.persist((error) => this.#parts.stopped(error?.message ?? reason));
  }

  close(): void {
    this.#isClosed = true;
    this.#parts.closed();
  }

  #finish(): void {
    this.#isClosed = true;
    this.#parts.bitmap.persist((error) => {
      if (error === undefined) this.#parts.done();
      else this.#parts.stopped(error.message);
    });
  }
}
