/**
 * Makes read-modify-write commands (COMPARE AND WRITE, ORWRITE) atomic against every other change of the same blocks.
 * Ordinary writes share, atomic ones exclude. Whoever has to wait waits in order, so that nobody starves.
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
    if (this.#waiting.length > 0 || !this.#free(range)) this.#waiting.push({ range, go });
    else this.#take(range, go);
  }

  release(range: Range): void {
    this.#held.delete(range);
    if (range.exclusive) this.#exclusiveHeld -= 1;
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#free(next.range)) return;
      this.#waiting.shift();
      this.#take(next.range, next.go);
    }
  }

  #take(range: Range, go: () => void): void {
    this.#held.add(range);
    if (range.exclusive) this.#exclusiveHeld += 1;
    go();
  }

  #free(range: Range): boolean {
    // The fast path: ordinary writes among themselves.
    if (!range.exclusive && this.#exclusiveHeld === 0) return true;
    for (const held of this.#held) if (conflict(held, range)) return false;
    return true;
  }
}
