/**
 * Makes read-modify-write commands (COMPARE AND WRITE, ORWRITE) atomic against every other change of the same blocks.
 * Reads and ordinary writes share, atomic ones exclude. Whoever has to wait waits in order behind those it conflicts with, so that nobody starves
 * and blocks that nobody contends for are not held up.
 */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly exclusive: boolean;
}

interface Waiting {
  readonly range: Range;
  readonly go: () => void;
}

const conflict = (a: Range, b: Range): boolean =>
  (a.exclusive || b.exclusive) && a.start < b.end && b.start < a.end;

export class RangeLock {
  readonly #held = new Set<Range>();
  #exclusiveHeld = 0;
  #waiting: Waiting[] = [];

  /** `go` runs when the range is held, perhaps before this returns. */
  acquire(range: Range, go: () => void): void {
    if (this.#free(range, this.#waiting)) this.#take(range, go);
    else this.#waiting.push({ range, go });
  }

  release(range: Range): void {
    this.#held.delete(range);
    if (range.exclusive) this.#exclusiveHeld -= 1;
    if (this.#waiting.length > 0) this.#admit();
  }

  /** Each that is free of those that hold and of those that have waited longer. What `go` does may come back here. */
  #admit(): void {
    for (let index = 0; index < this.#waiting.length; index += 1) {
      const next = this.#waiting[index];
      if (next === undefined || !this.#free(next.range, this.#waiting.slice(0, index))) continue;
      this.#waiting.splice(index, 1);
      this.#take(next.range, next.go);
      index = -1;
    }
  }

  #take(range: Range, go: () => void): void {
    this.#held.add(range);
    if (range.exclusive) this.#exclusiveHeld += 1;
    go();
  }

  #free(range: Range, before: readonly Waiting[]): boolean {
    // The fast path: reads and ordinary writes among themselves.
    if (!range.exclusive && this.#exclusiveHeld === 0 && before.length === 0) return true;
    for (const held of this.#held) if (conflict(held, range)) return false;
    return !before.some((waiting) => conflict(waiting.range, range));
  }
}
