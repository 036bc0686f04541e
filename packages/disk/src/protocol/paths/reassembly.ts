/**
 * The receiving half of a session over several connections: puts the pieces back in order and drops those that came twice. What may not be
 * delivered yet is kept, no more than the sender's window.
 */
import { EterneError } from '@eterne/base';
import { WINDOW_BYTES } from './send-window.ts';

export class Reassembly {
  readonly #deliver: (data: Buffer) => void;
  /** Position → a piece that came too early. */
  readonly #early = new Map<number, Buffer>();
  #earlyBytes = 0;
  #delivered = 0;
  #paused = true;
  #delivering = false;

  /** Nothing is delivered before `resume`. */
  constructor(deliver: (data: Buffer) => void) {
    this.#deliver = deliver;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Takes effect at once, also from within a delivery. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#drain();
  }

  /** `data` is not kept. */
  take(position: number, data: Buffer): void {
    const end = position + data.length;
    if (end <= this.#delivered) return;
    if (end > this.#delivered + WINDOW_BYTES) throw new EterneError('protocol', 'beyond the window');
    if (position > this.#delivered || this.#paused || this.#delivering) return this.#keep(position, data);
    this.#give(data.subarray(this.#delivered - position));
    this.#drain();
  }

  #keep(position: number, data: Buffer): void {
    if (this.#early.has(position)) return;
    this.#earlyBytes += data.length;
    if (this.#earlyBytes > WINDOW_BYTES) throw new EterneError('protocol', 'pieces that overlap');
    this.#early.set(position, Buffer.from(data));
  }

  #give(data: Buffer): void {
    this.#delivered += data.length;
    this.#delivering = true;
    this.#deliver(data);
    this.#delivering = false;
  }

  #drain(): void {
    if (this.#delivering) return;
    while (!this.#paused) {
      const next = this.#early.get(this.#delivered);
      if (next === undefined) return;
      this.#early.delete(this.#delivered);
      this.#earlyBytes -= next.length;
      this.#give(next);
    }
  }
}
