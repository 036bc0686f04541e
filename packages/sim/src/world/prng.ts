import { InvariantError } from '@eterne/base';

/** FNV-1a over UTF-16 code units: turns a stream's name into seed material. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it), seeded through splitmix32. Every user of chance has
 * a stream of its own, named by (seed, name), so that a new consumer does not shift the draws of the others.
 */
export class Prng {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number, name: string) {
    let state = (Math.imul(seed, 0x9e3779b1) ^ hashName(name)) >>> 0;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.a = splitmix();
    this.b = splitmix();
    this.c = splitmix();
    this.d = splitmix() | 1;
  }

  next32(): number {
    const scrambled = Math.imul(this.b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  /** In [0, 1), 32 bits of it. */
  unit(): number {
    return this.next32() / 4294967296;
  }

  /** A whole number in [0, bound), bound ≤ 2³². */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** A fraction in [low, high). */
  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T;
  pick<T>(items: readonly T[]): T | undefined;
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** Each choice with its weight. */
  weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let rest = this.unit() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) {
      rest -= weight;
      if (rest < 0) return value;
    }
    throw new InvariantError('the weights of a choice must be positive');
  }

  bytes(lengthBytes: number): Buffer {
    const out = Buffer.allocUnsafe(lengthBytes);
    for (let i = 0; i < lengthBytes; i += 1) out[i] = this.next32() >>> 24;
    return out;
  }

  /** RFC 9562 version 4. */
  uuid(): string {
    const raw = this.bytes(16);
    raw.writeUInt8((raw.readUInt8(6) & 0x0f) | 0x40, 6);
    raw.writeUInt8((raw.readUInt8(8) & 0x3f) | 0x80, 8);
    const hex = raw.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
