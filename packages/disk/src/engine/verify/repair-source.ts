/**
 * Copies marked blocks to a peer that is equal but for them, without ending that state: every application write goes on to it, and the
 * peer stays in the set. In order:
 *
 * 1. The own store is flushed: bits will be cleared for content that may still be volatile here.
 * 2. A range is locked until its content is in the stream; a write that comes later follows it there.
 * 3. A bit goes when the peer has flushed the block, and only if it was sent. At the end that is durable.
 */
import { EterneError, assert, type BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { RESYNC_FRAME_BYTES, sendResyncData, type Range } from '../../protocol/messages/resync.ts';
import { FrameType } from '../../protocol/wire.ts';
import { BlockSet } from '../block-set.ts';
import { BlockPump, type PieceContent, type PumpJob } from '../link/block-pump.ts';
import type { ResyncFigures } from '../link/resync-figures.ts';
import type { ResyncPacer } from '../link/resync-pacer.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import { VolumeWalk } from './volume-walk.ts';

const MAX_RUN_BLOCKS = (1024 * 1024) / BLOCK_BYTES;
const WINDOW_BYTES = 8 * 1024 * 1024;

export interface RepairSourceParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  readonly sender: FrameSender;
  readonly pacer: ResyncPacer;
  readonly sizeBytes: number;
  readonly figures: ResyncFigures;
  mayGoOn(): boolean;
  stopped(reason: string): void;
  done(): void;
}

export class RepairSource {
  readonly #parts: RepairSourceParts;
  readonly #pump: BlockPump<PumpJob>;
  readonly #walk: VolumeWalk;
  readonly #sent = new BlockSet();
  #cursor = 0;

  constructor(parts: RepairSourceParts) {
    this.#parts = parts;
    const { disk, locks, pacer } = parts;
    this.#pump = new BlockPump<PumpJob>({
      disk,
      locks,
      pacer,
      unusedBytes: () => 0,
      take: (range, content) => this.#send(range, content),
      failed: ({ message }) => this.#walk.stop(`reading blocks to copy: ${message}`),
    });
    this.#walk = new VolumeWalk({
      bitmap: parts.bitmap,
      windowBytes: WINDOW_BYTES,
      next: () => this.#nextRange(),
      begin: (range) => this.#pump.add({ ...range, whole: false }),
      mayGoOn: () => parts.mayGoOn(),
      closed: () => this.#pump.close(),
      stopped: (reason) => parts.stopped(reason),
      done: () => parts.done(),
    });
  }

  start(): void {
    this.#parts.disk.flush((error) => {
      if (error === undefined) this.#walk.proceed();
      else this.#walk.stop(error.message);
    });
  }

  /** The peer has flushed these blocks. */
  repaired(ranges: readonly Range[]): void {
    const { bitmap, figures } = this.#parts;
    for (const { offset, lengthBytes } of ranges) {
      if (!this.#sent.covers(offset, lengthBytes))
        throw new EterneError('protocol', 'blocks are confirmed that were not sent');
      this.#sent.remove(offset, lengthBytes);
      bitmap.clear(offset, lengthBytes);
      this.#walk.settled(lengthBytes);
    }
    figures.remaining(bitmap.dirtyBytes);
    this.#walk.proceed();
  }

  close(): void {
    this.#walk.close();
  }

  #nextRange(): Range | undefined {
    const { bitmap, sizeBytes } = this.#parts;
    if (this.#cursor >= bitmap.blockCount) return undefined;
    const run = bitmap.nextDirty(this.#cursor as BlockNumber, MAX_RUN_BLOCKS);
    this.#cursor = run === undefined ? bitmap.blockCount : run.firstBlock + run.blockCount;
    if (run === undefined) return undefined;
    const offset = run.firstBlock * BLOCK_BYTES;
    return { offset, lengthBytes: Math.min(run.blockCount * BLOCK_BYTES, sizeBytes - offset) };
  }

  #send(range: Range, content: PieceContent): void {
    assert(content.kind !== 'unused', 'a repair copies everything that it asks for');
    this.#sent.add(range.offset, range.lengthBytes);
    sendResyncData(this.#parts.sender, range, content, FrameType.repairData);
    this.#parts.figures.moved(RESYNC_FRAME_BYTES + (content.kind === 'data' ? range.lengthBytes : 0));
  }
}
