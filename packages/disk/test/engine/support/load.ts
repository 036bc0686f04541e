import assert from 'node:assert/strict';
import { BLOCK, SIZE_BYTES, type TestNode } from './mesh.ts';

/** Small, and the same on every machine (mulberry32). */
export function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const BLOCKS = SIZE_BYTES / BLOCK;
/** Blocks in use: few, so that writes overlap. */
const HOT_BLOCKS = 600;

/** Writes, flushes and reads at random, and remembers what each block may hold. */
export class Load {
  readonly #random: (bound: number) => number;
  /** Block → the values that it may have; one value when all is known. */
  readonly #allowed = new Map<number, Set<number>>();
  readonly #busy = new Set<number>();
  /** Block → the write that was begun last. */
  readonly #latest = new Map<number, symbol>();
  readonly #unanswered = new Set<symbol>();
  #fill = 0;

  constructor(random: (bound: number) => number) {
    this.#random = random;
  }

  /** Writes that whoever serves owes an answer. */
  get inFlight(): number {
    return this.#unanswered.size;
  }

  step(node: Pick<TestNode, 'volume'>): void {
    const { device } = node.volume;
    if (device === undefined || this.inFlight >= 32) return;
    const block = this.#random(HOT_BLOCKS) + (this.#random(2) === 0 ? 0 : BLOCKS - HOT_BLOCKS - 32);
    const count = 1 + this.#random(this.#random(4) === 0 ? 32 : 3);
    const what = this.#random(12);
    if (what === 0) return device.flush(() => {});
    if (what <= 3) return this.#read(node, block);
    const blocks = Array.from({ length: count }, (_, index) => block + index);
    if (blocks.some((each) => this.#busy.has(each))) return;
    this.#fill = (this.#fill % 250) + 1;
    const fill = what === 4 ? 0 : this.#fill;
    const write = Symbol(`${fill} to block ${block}`);
    for (const each of blocks) {
      this.#busy.add(each);
      this.#latest.set(each, write);
      this.#values(each).add(fill);
    }
    this.#unanswered.add(write);
    const data = Buffer.alloc(count * BLOCK, fill);
    const done = (error: string | undefined, isFree?: boolean): void => {
      // Whoever still reads it reads nonsense.
      if (isFree === true) data.fill(0xdd);
      this.#unanswered.delete(write);
      // One that was given up may answer late: it says nothing of what its successor has written since.
      for (const each of blocks.filter((held) => this.#latest.get(held) === write)) {
        this.#busy.delete(each);
        if (error === undefined) this.#allowed.set(each, new Set([fill]));
      }
    };
    if (what === 4) device.writeZeroes(block * BLOCK, count * BLOCK, true, false, done);
    else device.write(block * BLOCK, data, what === 5, done);
  }

  #read(node: Pick<TestNode, 'volume'>, block: number): void {
    if (this.#busy.has(block)) return;
    const allowed = this.#values(block);
    node.volume.device?.read(block * BLOCK, BLOCK, (error, data) => {
      if (error === undefined && allowed === this.#values(block))
        assert.ok(
          allowed.has(data[0] as number),
          `block ${block} holds ${data[0]}, not ${[...allowed].join()}`,
        );
    });
  }

  #values(block: number): Set<number> {
    let values = this.#allowed.get(block);
    if (values === undefined) this.#allowed.set(block, (values = new Set([0])));
    return values;
  }

  /** Whoever served is given up, dead or not: what was in flight may or may not be there, and nobody waits for its answer. */
  forgetBusy(): void {
    this.#busy.clear();
    this.#unanswered.clear();
  }

  verify(content: Buffer): void {
    for (const [block, values] of this.#allowed) {
      const value = content[block * BLOCK] as number;
      assert.ok(values.has(value), `block ${block} holds ${value}, not ${[...values].join()}`);
      assert.ok(content.subarray(block * BLOCK, (block + 1) * BLOCK).every((byte) => byte === value));
    }
  }
}
