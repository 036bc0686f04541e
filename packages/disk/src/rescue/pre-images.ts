/**
 * Decides, for every write that is about to overwrite something, what must be saved first, and saves it in batches.
 *
 * Duties
 * 1. A write goes on only when each block that it touches has been saved, durably, since the newest point that is still being saved for
 *    (and therefore since every older one), or is written with what it holds already.
 * 2. Batches one after the other. Writes that share a block with one under way wait for the next and find it saved. The caller keeps
 *    overlapping writes apart and its range to itself until the write is done, so that what is read here is what is overwritten.
 */
import { assert, type EterneError } from '@eterne/base';
import type { StoreDone, StoreError } from '@eterne/runtime';
import { BlockSet } from '../engine/block-set.ts';
import { BLOCK_BYTES } from '../metadata/index.ts';
import { isZero } from '../metadata/zero.ts';
import type { WriteGuard } from './api.ts';
import { MAX_RECORD_BLOCKS, type Record, type SavedBlock } from './record.ts';

/** 8 MiB: one flush for many writes, and a bound on what is in memory. */
const MAX_BATCH_BLOCKS = 2048;
/** 256 KiB. */
const MAX_READ_BLOCKS = 64;

export interface PreImageOwner {
  readonly volume: { readonly sizeBytes: number };
  /** Blocks saved since the newest point that is still saved for; undefined when there is none. */
  readonly saved: BlockSet | undefined;
  read(offset: number, into: Buffer, done: StoreDone): void;
  /** Makes records durable. `unreadable`: some block's content is lost. With a refusal the blocks must not be overwritten. */
  save(
    records: readonly Record[],
    unreadable: boolean,
    done: (refusal: StoreError | undefined) => void,
  ): void;
  /** These blocks are in the journal now. */
  areSaved(blocks: BlockSet): void;
}

interface Request {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly data: Buffer | undefined;
  readonly go: (refusal?: StoreError) => void;
  /** Everything before it is looked after. A long range takes several batches. */
  nextBlock: number;
}

/** A block to be saved, and the request that touched it first. */
interface Claim {
  readonly block: number;
  readonly request: Request;
}

export class PreImages implements WriteGuard {
  readonly #owner: PreImageOwner;
  #waiting: Request[] = [];
  #isSaving = false;

  constructor(owner: PreImageOwner) {
    this.#owner = owner;
  }

  /** No write waits here. */
  get isIdle(): boolean {
    return !this.#isSaving && this.#waiting.length === 0;
  }

  beforeWrite(offset: number, lengthBytes: number, data: Buffer | undefined, go: Request['go']): void {
    if (this.#isSafe(offset, lengthBytes)) return go();
    const nextBlock = Math.floor(offset / BLOCK_BYTES);
    this.#waiting.push({ offset, lengthBytes, data, go, nextBlock });
    this.#pump();
  }

  #isSafe(offset: number, lengthBytes: number): boolean {
    return this.#owner.saved?.covers(offset, lengthBytes) ?? true;
  }

  /** A loop, not recursion: stores may call back at once. */
  #pump(): void {
    while (!this.#isSaving && this.#waiting.length > 0) this.#saveBatch();
  }

  #saveBatch(): void {
    this.#isSaving = true;
    const { requests, claims } = this.#take();
    this.#readAll(claims, (blocks, unreadable) => {
      const done = new BlockSet();
      for (const { block } of [...blocks, ...unreadable]) done.add(block * BLOCK_BYTES, BLOCK_BYTES);
      const finish = (refusal: StoreError | undefined): void => {
        if (refusal === undefined) this.#owner.areSaved(done);
        this.#isSaving = false;
        const released = refusal === undefined ? requests : [...requests, ...this.#waiting.splice(0)];
        for (const { go } of released) go(refusal);
        this.#pump();
      };
      if (done.isEmpty) return finish(undefined);
      this.#owner.save(recordsOf(blocks), unreadable.length > 0, finish);
    });
  }

  /** The waiting requests that this batch completes, and the blocks to be saved. */
  #take(): { requests: Request[]; claims: Claim[] } {
    const requests: Request[] = [];
    const claims: Claim[] = [];
    const claimed = new BlockSet();
    for (const request of this.#waiting) {
      const end = Math.ceil((request.offset + request.lengthBytes) / BLOCK_BYTES);
      for (; request.nextBlock < end && claims.length < MAX_BATCH_BLOCKS; request.nextBlock += 1) {
        const offset = request.nextBlock * BLOCK_BYTES;
        if (this.#isSafe(offset, 1) || claimed.touches(offset, 1)) continue;
        claimed.add(offset, 1);
        claims.push({ block: request.nextBlock, request });
      }
      if (request.nextBlock < end) break;
      requests.push(request);
    }
    this.#waiting = this.#waiting.slice(requests.length);
    return { requests, claims };
  }

  #readAll(claims: readonly Claim[], done: (blocks: SavedBlock[], unreadable: Claim[]) => void): void {
    const saved: SavedBlock[] = [];
    const unreadable: Claim[] = [];
    let unfinished = 1;
    const finished = (): void => {
      unfinished -= 1;
      if (unfinished === 0) done(saved, unreadable);
    };
    for (const run of runsOf(claims)) {
      unfinished += 1;
      const first = run[0];
      assert(first !== undefined, 'a run has a first block');
      const offset = first.block * BLOCK_BYTES;
      const bytes = Buffer.alloc(run.length * BLOCK_BYTES);
      const lengthBytes = Math.min(bytes.length, this.#owner.volume.sizeBytes - offset);
      this.#owner.read(offset, bytes.subarray(0, lengthBytes), (error) => {
        if (error === undefined) saved.push(...changed(run, bytes));
        else unreadable.push(...run);
        finished();
      });
    }
    finished();
  }
}

/** Neighbouring blocks, in the order they were claimed. */
function runsOf(claims: readonly Claim[]): Claim[][] {
  const runs: Claim[][] = [];
  for (const claim of claims) {
    const run = runs.at(-1);
    const isNext = run !== undefined && run.at(-1)?.block === claim.block - 1;
    if (isNext && run.length < MAX_READ_BLOCKS) run.push(claim);
    else runs.push([claim]);
  }
  return runs;
}

/** The blocks of a run whose content the write that claimed them really changes. */
function changed(run: readonly Claim[], bytes: Buffer): SavedBlock[] {
  return run.flatMap(({ block, request }, index) => {
    const before = bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
    const data = isZero(before) ? undefined : before;
    return isKept(before, data === undefined, block * BLOCK_BYTES, request) ? [] : [{ block, data }];
  });
}

/** Is the block written whole, with what it holds already? */
function isKept(before: Buffer, holdsZeroes: boolean, offset: number, request: Request): boolean {
  const at = offset - request.offset;
  if (at < 0 || at + BLOCK_BYTES > request.lengthBytes) return false;
  if (request.data === undefined) return holdsZeroes;
  return request.data.subarray(at, at + BLOCK_BYTES).equals(before);
}

function recordsOf(blocks: readonly SavedBlock[]): Record[] {
  const records: Record[] = [];
  for (let at = 0; at < blocks.length; at += MAX_RECORD_BLOCKS)
    records.push({ kind: 'blocks', blocks: blocks.slice(at, at + MAX_RECORD_BLOCKS) });
  return records;
}

/** What a write is answered that must not happen. */
export function refusalOf(error: EterneError): StoreError {
  return { kind: 'logical', errno: 'ENOSPC', message: error.message };
}
