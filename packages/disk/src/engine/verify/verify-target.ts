/**
 * Compares what the source holds with the local disk. A range is locked from the arrival of its frame until it has been read: the
 * primary's writes that came before are done by then, those that come later wait.
 */
import { EterneError } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import type { Range } from '../../protocol/messages/resync.ts';
import {
  VERIFY_WINDOW_BYTES,
  sendVerifyResult,
  type VerifyContent,
  type VerifyData,
} from '../../protocol/messages/verify.ts';
import { definedRuns } from '../usage/defined-runs.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import { digestOf } from '../link/digest.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

/** A source asks for less; the rest is slack for its last range. */
const MAX_COMPARING_BYTES = 2 * VERIFY_WINDOW_BYTES;
const ZEROES = Buffer.alloc(1024 * 1024);

export interface VerifyTargetParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly slabs: BufferSlabs;
  readonly undefinedBlocks: DirtyBitmap;
  readonly sender: FrameSender;
  /** The local copy of the range could not be read. */
  failed(error: StoreError): void;
}

export class VerifyTarget {
  readonly #parts: VerifyTargetParts;
  #comparingBytes = 0;
  #closed = false;

  constructor(parts: VerifyTargetParts) {
    this.#parts = parts;
  }

  /** Its content is a view that dies with this call. */
  compare(theirs: VerifyData): void {
    const { offset, lengthBytes } = theirs;
    if (this.#comparingBytes + lengthBytes > MAX_COMPARING_BYTES)
      throw new EterneError('protocol', 'too much to compare at once');
    this.#comparingBytes += lengthBytes;
    const { locks } = this.#parts;
    const content = this.#lasting(theirs.content);
    const lock: RangeLock = {
      offset,
      lengthBytes,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#read(lock, content),
    };
    if (locks.acquire(lock)) this.#read(lock, content);
  }

  close(): void {
    this.#closed = true;
  }

  #lasting(content: VerifyContent): VerifyContent {
    switch (content.kind) {
      case 'data':
        return { kind: 'data', data: this.#parts.slabs.copyOf(content.data) };
      case 'digest':
        return { kind: 'digest', digest: Buffer.from(content.digest) };
      case 'zero':
        return content;
    }
  }

  #read(lock: RangeLock, theirs: VerifyContent): void {
    const { disk, locks, slabs } = this.#parts;
    if (this.#closed) return locks.release(lock);
    const mine = slabs.take(lock.lengthBytes);
    disk.read(lock.offset, mine, (error) => {
      this.#comparingBytes -= lock.lengthBytes;
      locks.release(lock);
      if (this.#closed) return;
      if (error !== undefined) this.#unreadable(lock, error);
      else this.#answer(lock, mine, theirs);
      if (error !== undefined) return;
      slabs.give(mine);
      if (theirs.kind === 'data') slabs.give(theirs.data);
    });
  }

  /** A sector that cannot be read is a difference that a repair can heal; a disk that cannot be read ends it. */
  #unreadable({ offset, lengthBytes }: Range, error: StoreError): void {
    if (error.kind !== 'sector') return this.#parts.failed(error);
    const differing = [{ offset, lengthBytes }];
    sendVerifyResult(this.#parts.sender, { offset, lengthBytes, digestDiffers: false, differing });
  }

  #answer({ offset, lengthBytes }: Range, mine: Buffer, theirs: VerifyContent): void {
    const result = { offset, lengthBytes, digestDiffers: false, differing: [] };
    if (theirs.kind === 'digest') {
      const isKnown = definedRuns({ offset, lengthBytes }, this.#parts.undefinedBlocks).length > 0;
      const digestDiffers = isKnown && !digestOf(mine).equals(theirs.digest);
      return sendVerifyResult(this.#parts.sender, { ...result, digestDiffers });
    }
    const data = theirs.kind === 'data' ? theirs.data : ZEROES.subarray(0, lengthBytes);
    const runs = mine.equals(data) ? [] : differingRuns(offset, mine, data);
    const differing = runs.flatMap((run) => definedRuns(run, this.#parts.undefinedBlocks));
    sendVerifyResult(this.#parts.sender, { ...result, differing });
  }
}

/** Whole blocks (of the range, which may begin or end within one) in which `a` and `b` differ, as runs. */
export function differingRuns(offset: number, a: Buffer, b: Buffer): Range[] {
  const runs: { offset: number; lengthBytes: number }[] = [];
  for (let at = 0; at < a.length;) {
    const end = Math.min(a.length, at + BLOCK_BYTES - ((offset + at) % BLOCK_BYTES));
    if (!a.subarray(at, end).equals(b.subarray(at, end))) {
      const last = runs.at(-1);
      if (last !== undefined && last.offset + last.lengthBytes === offset + at) last.lengthBytes += end - at;
      else runs.push({ offset: offset + at, lengthBytes: end - at });
    }
    at = end;
  }
  return runs;
}
