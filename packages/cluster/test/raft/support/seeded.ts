import type { Random } from '@eterne/runtime';

/** mulberry32: small, seeded, good enough for tests. */
export class Seeded implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  bytes(lengthBytes: number): Buffer {
    return Buffer.from(Array.from({ length: lengthBytes }, () => this.below(256)));
  }

  uuid(): string {
    return this.bytes(16).toString('hex');
  }
}
