/** Bytes of data that the commands of one session may hold at once; who does not fit waits in order. */
import { assert } from '@eterne/base';

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
  readonly wanted: () => boolean;
}

export class ByteBudget {
  readonly #totalBytes: number;
  #usedBytes = 0;
  #waiting: Waiting[] = [];

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** `go` runs when `bytes` are granted, perhaps before this returns; not at all when no longer `wanted` by then. */
  claim(bytes: number, go: () => void, wanted: () => boolean): void {
    assert(bytes <= this.#totalBytes, 'one claim fits the budget');
    if (this.#waiting.length > 0 || this.#usedBytes + bytes > this.#totalBytes) {
      this.#waiting.push({ bytes, go, wanted });
      return;
    }
    this.#usedBytes += bytes;
    go();
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    assert(this.#usedBytes >= 0, 'only what was granted is released');
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0];
      if (next === undefined || (next.wanted() && this.#usedBytes + next.bytes > this.#totalBytes)) return;
      this.#waiting.shift();
      if (!next.wanted()) continue;
      this.#usedBytes += next.bytes;
      next.go();
    }
  }
}
