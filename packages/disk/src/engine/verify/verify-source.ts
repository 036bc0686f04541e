/**
 * Goes through the volume and has the other side compare it. In order:
 *
 * 1. Blocks that are marked already are passed over and count as differing.
 * 2. A range is locked, read and put into the stream, as bytes or as their digest; a bounded number of ranges is unanswered at a time.
 * 3. Where a digest differs the bytes follow, under a lock of their own. Blocks that differ are marked.
 * 4. At the end the marks are durable.
 */
import { EterneError, assert, type BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { DIGEST_BYTES, type Range } from '../../protocol/messages/resync.ts';
import {
  VERIFY_WINDOW_BYTES,
  sendVerifyData,
  type VerifyContent,
  type VerifyResult,
} from '../../protocol/messages/verify.ts';
import { HEADER_BYTES, MAX_DATA_BYTES } from '../../protocol/wire.ts';
import { BlockPump, type PieceContent, type PumpJob } from '../link/block-pump.ts';
import { digestOf } from '../link/digest.ts';
import type { ResyncPacer } from '../link/resync-pacer.ts';
import type { LocalDisk } from '../local-disk.ts';
import { definedRuns } from '../usage/defined-runs.ts';
import type { RangeLocks } from '../range-locks.ts';
import type { VerifyFigures } from './verify-figures.ts';
import { VolumeWalk } from './volume-walk.ts';

/** Asked of the pump at a time; it cuts data into smaller pieces. */
const RANGE_BYTES = MAX_DATA_BYTES;
/** Header and fixed fields of VERIFY_DATA, and of a VERIFY_RESULT without runs. */
const FRAME_BYTES = HEADER_BYTES + 16;
const RUN_BYTES = 12;

export interface VerifySourceParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  /** Passed over: the copies may differ in them. */
  readonly undefinedBlocks: DirtyBitmap;
  readonly sender: FrameSender;
  readonly pacer: ResyncPacer;
  readonly sizeBytes: number;
  readonly method: 'direct' | 'digest';
  readonly figures: VerifyFigures;
  mayGoOn(): boolean;
  stopped(reason: string): void;
  /** Everything was compared, and what differs is marked, durably. */
  done(): void;
}

interface Job extends PumpJob {
  readonly asBytes: boolean;
}

export class VerifySource {
  readonly #parts: VerifySourceParts;
  readonly #pump: BlockPump<Job>;
  readonly #walk: VolumeWalk;
  /** Sent, and not answered yet. */
  readonly #open = new Map<number, number>();
  #cursor = 0;
  /** The first marked block at or after the cursor; looked up again only when the cursor gets there. */
  #nextMarked = -1;

  constructor(parts: VerifySourceParts) {
    this.#parts = parts;
    const { disk, locks, pacer } = parts;
    this.#pump = new BlockPump<Job>({
      disk,
      locks,
      pacer,
      unusedBytes: () => 0,
      take: (range, content, job) => this.#send(range, content, job),
      failed: ({ message }) => this.#walk.stop(`reading blocks to compare: ${message}`),
    });
    this.#walk = new VolumeWalk({
      bitmap: parts.bitmap,
      windowBytes: VERIFY_WINDOW_BYTES,
      next: () => this.#nextRange(),
      begin: (range) => this.#pump.add({ ...range, whole: false, asBytes: parts.method === 'direct' }),
      mayGoOn: () => parts.mayGoOn(),
      closed: () => this.#pump.close(),
      stopped: (reason) => parts.stopped(reason),
      done: () => parts.done(),
    });
  }

  start(): void {
    this.#walk.proceed();
  }

  result(result: VerifyResult): void {
    const { offset, lengthBytes, digestDiffers, differing } = result;
    const { bitmap, figures, undefinedBlocks } = this.#parts;
    if (this.#open.get(offset) !== lengthBytes)
      throw new EterneError('protocol', 'a comparison is answered that was not asked for');
    figures.moved(FRAME_BYTES + differing.length * RUN_BYTES);
    if (digestDiffers) return this.#pump.add({ offset, lengthBytes, whole: true, asBytes: true });
    this.#open.delete(offset);
    this.#walk.settled(lengthBytes);
    figures.checked(lengthBytes);
    for (const run of differing.flatMap((found) => definedRuns(found, undefinedBlocks))) {
      bitmap.markDirty(run.offset, run.lengthBytes);
      figures.differ(run.lengthBytes);
    }
    this.#walk.proceed();
  }

  close(): void {
    this.#walk.close();
  }

  /** The next stretch without a mark. */
  #nextRange(): Range | undefined {
    const { bitmap, figures, sizeBytes } = this.#parts;
    while (this.#cursor < sizeBytes) {
      const block = this.#cursor / BLOCK_BYTES;
      if (this.#nextMarked < block)
        this.#nextMarked = bitmap.nextDirty(block as BlockNumber, 1)?.firstBlock ?? bitmap.blockCount;
      const offset = this.#cursor;
      if (this.#nextMarked > block) {
        const end = Math.min(offset + RANGE_BYTES, this.#nextMarked * BLOCK_BYTES, sizeBytes);
        this.#cursor = end;
        return { offset, lengthBytes: end - offset };
      }
      const end = Math.min(offset + BLOCK_BYTES, sizeBytes);
      this.#cursor = end;
      figures.checked(end - offset);
      figures.differ(end - offset);
    }
    return undefined;
  }

  #send(range: Range, content: PieceContent, { asBytes }: Job): void {
    const { figures, sender } = this.#parts;
    this.#open.set(range.offset, range.lengthBytes);
    const sent = this.#contentOf(content, asBytes);
    sendVerifyData(sender, range, sent);
    const dataBytes = sent.kind === 'data' ? range.lengthBytes : sent.kind === 'digest' ? DIGEST_BYTES : 0;
    figures.moved(FRAME_BYTES + dataBytes);
  }

  #contentOf(content: PieceContent, asBytes: boolean): VerifyContent {
    switch (content.kind) {
      case 'zero':
        return content;
      case 'data':
        return asBytes ? content : { kind: 'digest', digest: digestOf(content.data) };
      case 'unused':
        assert(false, 'a verify reads everything that it asks for');
    }
  }
}
