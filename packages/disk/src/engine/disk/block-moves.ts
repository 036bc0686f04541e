import { BLOCK_BYTES } from '../../metadata/index.ts';

interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Blocks on their way to the spare area. Meanwhile whoever wants to read or write them waits. */
export class BlockMoves {
  readonly #writing: Iterable<Range>;
  /** What waits for the end of each move. */
  readonly #moving = new Map<number, (() => void)[]>();
  #waiting: { readonly block: number; readonly proceed: () => void }[] = [];

  /** `writing`: writes that the store has not answered. */
  constructor(writing: Iterable<Range>) {
    this.#writing = writing;
  }

  get isAny(): boolean {
    return this.#moving.size > 0;
  }

  isMoving(offset: number, lengthBytes: number): boolean {
    for (const block of this.#moving.keys()) if (touches({ offset, lengthBytes }, block)) return true;
    return false;
  }

  /** True: a block of the range is moving, and `then` is called at its end. */
  hold(offset: number, lengthBytes: number, then: () => void): boolean {
    for (const [block, held] of this.#moving) {
      if (!touches({ offset, lengthBytes }, block)) continue;
      held.push(then);
      return true;
    }
    return false;
  }

  /** The block moves from now on, until what this returns is called. */
  begin(block: number): () => void {
    const held: (() => void)[] = [];
    this.#moving.set(block, held);
    return () => {
      this.#moving.delete(block);
      for (const then of held) then();
    };
  }

  /** Calls `proceed` when no write to the block, begun before it moved, is unanswered. */
  whenQuiet(block: number, proceed: () => void): void {
    if (this.#isQuiet(block)) proceed();
    else this.#waiting.push({ block, proceed });
  }

  /** A write was answered. */
  written(): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ block }) => this.#isQuiet(block));
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const { proceed } of ready) proceed();
  }

  #isQuiet(block: number): boolean {
    for (const write of this.#writing) if (touches(write, block)) return false;
    return true;
  }
}

function touches({ offset, lengthBytes }: Range, block: number): boolean {
  return offset < (block + 1) * BLOCK_BYTES && block * BLOCK_BYTES < offset + lengthBytes;
}
