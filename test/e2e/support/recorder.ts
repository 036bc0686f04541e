/**
 * A client that counts: writes numbered 4 KiB records at random blocks of an export, several at once, and remembers for each block
 * what was acknowledged and what was merely tried. Afterwards `check` finds every acknowledged record again.
 */
import assert from 'node:assert/strict';
import type { NbdClient } from '../../../packages/disk/test/support/nbd-client.ts';

const BLOCK_BYTES = 4096;

export class Recorder {
  /** Block → number of the newest acknowledged record. */
  readonly #acknowledged = new Map<number, number>();
  /** Block → records tried after it, of which any may be there. */
  readonly #tried = new Map<number, number[]>();
  readonly #busy = new Set<number>();
  readonly #blocks: number;
  #next = 1;

  constructor(sizeBytes: number) {
    this.#blocks = sizeBytes / BLOCK_BYTES;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  get tried(): number {
    return this.#next - 1;
  }

  /** Writes with `depth` records in flight until `stop` resolves or the connection breaks. */
  async run(client: NbdClient, depth: number, until: () => boolean): Promise<void> {
    await Promise.all(Array.from({ length: depth }, () => this.#writer(client, until)));
  }

  /** Every acknowledged record, or one tried later on the same block, is there and whole. */
  async check(client: NbdClient): Promise<void> {
    for (const [block, acknowledged] of this.#acknowledged) {
      const { error, data } = await client.read(block * BLOCK_BYTES, BLOCK_BYTES);
      assert.equal(error, 0);
      const found = data.readUInt32LE(0);
      assert.deepEqual(data, record(found), `block ${block} is torn`);
      const allowed = [acknowledged, ...(this.#tried.get(block) ?? [])];
      assert.ok(
        allowed.includes(found),
        `block ${block} holds record ${found}, acknowledged was ${acknowledged}`,
      );
    }
  }

  async #writer(client: NbdClient, until: () => boolean): Promise<void> {
    while (!until()) {
      const block = this.#freeBlock();
      const number = this.#next++;
      this.#busy.add(block);
      this.#tried.set(block, [...(this.#tried.get(block) ?? []), number]);
      try {
        const { error } = await client.write(block * BLOCK_BYTES, record(number));
        if (error !== 0) return;
      } catch {
        return;
      } finally {
        this.#busy.delete(block);
      }
      this.#acknowledged.set(block, number);
      this.#tried.set(
        block,
        (this.#tried.get(block) ?? []).filter((tried) => tried > number),
      );
    }
  }

  #freeBlock(): number {
    for (;;) {
      const block = Math.floor(Math.random() * this.#blocks);
      if (!this.#busy.has(block)) return block;
    }
  }
}

/** 1024 times the record's number, so that a torn record shows. */
function record(number: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 4) bytes.writeUInt32LE(number, at);
  return bytes;
}
