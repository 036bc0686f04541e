import type { WriteOp } from './write-op.ts';

/** The writes of one session that the peer has not acknowledged, by their number in the session. Bounded by the write path's limits. */
export class WriteWindow {
  readonly #ops = new Map<number, WriteOp>();
  #nextNumber = 0;
  #bytes = 0;

  get count(): number {
    return this.#ops.size;
  }

  /** Of data; zeroing counts as nothing. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest of them was issued; undefined when there is none. */
  get oldestMs(): number | undefined {
    for (const op of this.#ops.values()) return op.issuedMs;
    return undefined;
  }

  add(op: WriteOp): number {
    this.#ops.set(this.#nextNumber, op);
    this.#bytes += op.data?.length ?? 0;
    return this.#nextNumber++;
  }

  /** The write of that number, which leaves the window; undefined when it is not in it. */
  take(number: number): WriteOp | undefined {
    const op = this.#ops.get(number);
    if (op === undefined) return undefined;
    this.#ops.delete(number);
    this.#bytes -= op.data?.length ?? 0;
    return op;
  }
}
