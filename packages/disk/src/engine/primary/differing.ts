/**
 * Which blocks differed on peers in step when the local disk failed, as a verify had found: from then on the primary's bits tell what its own disk lacks, and
 * that no more. Such a block is read where it does not differ. Where it differs on everybody who is there, whoever is read counts, as he would if he were
 * promoted; then it is unknown who else has the same, and it is marked for all.
 *
 * Only among three replicas and more: of two there is one to read from, and nobody else to differ from it.
 */
import { BLOCK_BYTES, type DirtyRange } from '../../metadata/api.ts';
import { Bitmap } from '../../metadata/bitmap.ts';
import type { Mirror } from './mirror.ts';

export class Differing {
  readonly #mirrors: readonly Mirror[];
  readonly #sizeBytes: number;
  readonly #byNode = new Map<string, Bitmap>();

  /** Before anything is marked that the local disk lacks. */
  constructor(mirrors: readonly Mirror[], inStep: readonly Mirror[], sizeBytes: number) {
    this.#mirrors = mirrors;
    this.#sizeBytes = sizeBytes;
    if (mirrors.length < 2) return;
    for (const { bitmap, node } of inStep)
      this.#eachRun(bitmap, (offset, lengthBytes) => this.#of(node).mark(offset, lengthBytes));
  }

  has(node: string, offset: number, lengthBytes: number): boolean {
    const run = this.#byNode.get(node)?.nextDirty(Math.floor(offset / BLOCK_BYTES), 1);
    return run !== undefined && run.firstBlock * BLOCK_BYTES < offset + lengthBytes;
  }

  /** It is read from a peer on which it differs. */
  disputed(offset: number, lengthBytes: number): void {
    for (const { node } of this.#mirrors) this.#of(node).mark(offset, lengthBytes);
    this.restore();
  }

  /** The local disk has what was read, and bits were cleared for it: the peers differ as before. */
  restore(): void {
    for (const { bitmap, node } of this.#mirrors)
      this.#eachRun(this.#byNode.get(node), (offset, lengthBytes) => bitmap.markDirty(offset, lengthBytes));
  }

  #of(node: string): Bitmap {
    const known = this.#byNode.get(node) ?? new Bitmap(this.#sizeBytes);
    this.#byNode.set(node, known);
    return known;
  }

  #eachRun(from: Runs | undefined, each: (offset: number, lengthBytes: number) => void): void {
    for (let block = 0; ;) {
      const run = from?.nextDirty(block, Number.MAX_SAFE_INTEGER);
      if (run === undefined) return;
      const offset = run.firstBlock * BLOCK_BYTES;
      each(offset, Math.min(run.blockCount * BLOCK_BYTES, this.#sizeBytes - offset));
      block = run.firstBlock + run.blockCount;
    }
  }
}

interface Runs {
  nextDirty(from: number, maxBlocks: number): DirtyRange | undefined;
}
