import type { WriteOp } from './write-op.ts';

/** The writes of one session that the peer has not acknowledged, by their number in the session. Bounded by the write path's limit. */
export class WriteWindow {
  readonly #ops = new Map<number, WriteOp>();
  #nextNumber = 0;

  get count(): number {
    return this.#ops.size;
  }

  add(op: WriteOp): number {
    this.#ops.set(this.#nextNumber, op);
    return this.#nextNumber++;
  }

  /** The write of that number, which leaves the window; undefined when it is not in it. */
  take(number: number): WriteOp | undefined {
    const op = this.#ops.get(number);
    if (op !== undefined) this.#ops.delete(number);
    return op;
  }
}
