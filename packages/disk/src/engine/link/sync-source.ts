/**
 * Gives blocks to a target that asks for them. A range is locked from before it is read until its data is in the stream (`block-pump.ts`): a
 * write that comes later follows it there, and the target applies overlapping frames in order of arrival.
 *
 * A bit is cleared only when the target says that it has flushed the block, and only if the block was sent in this session.
 */
import { EterneError, type BlockNumber } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import {
  MAX_REQUESTED_BYTES,
  MAX_REQUESTS,
  RESYNC_FRAME_BYTES,
  sendResyncData,
  type Range,
  type ResyncContent,
  type ResyncRequest,
} from '../../protocol/messages/resync.ts';
import { MAX_DATA_BYTES } from '../../protocol/wire.ts';
import { BlockSet } from '../block-set.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import { BlockPump, type PieceContent, type PumpJob } from './block-pump.ts';
import { digestOf } from './digest.ts';
import type { ResyncPacer } from './resync-pacer.ts';

const ZEROES = Buffer.alloc(MAX_DATA_BYTES);

export interface SyncSourceParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  readonly sender: FrameSender;
  readonly pacer: ResyncPacer;
  /** How far from `offset` on no file system uses the volume. */
  unusedBytes(offset: number): number;
  /** Counts what goes over the wire. */
  sent(wireBytes: number): void;
  failed(error: StoreError): void;
}

interface Job extends PumpJob {
  readonly digest: Buffer | undefined;
}

export class SyncSource {
  readonly #parts: SyncSourceParts;
  readonly #pump: BlockPump<Job>;
  /** Sent in this session, not yet confirmed as flushed. */
  readonly #inTransit = new BlockSet();
  /** Requests that came before `begin`. */
  #held: Job[] | undefined = [];
  #requests = 0;
  #requestedBytes = 0;

  constructor(parts: SyncSourceParts) {
    this.#parts = parts;
    const { disk, locks, pacer } = parts;
    this.#pump = new BlockPump<Job>({
      disk,
      locks,
      pacer,
      unusedBytes: (offset) => parts.unusedBytes(offset),
      take: (range, content, job) => this.#send(range, content, job),
      failed: (error) => parts.failed(error),
    });
  }

  request({ offset, lengthBytes, digest }: ResyncRequest): void {
    if (this.#requests >= MAX_REQUESTS || this.#requestedBytes + lengthBytes > MAX_REQUESTED_BYTES)
      throw new EterneError('protocol', 'too many blocks asked for at once');
    this.#requests += 1;
    this.#requestedBytes += lengthBytes;
    const copy = digest && Buffer.from(digest);
    const job = { offset, lengthBytes, whole: digest !== undefined, digest: copy };
    if (this.#held === undefined) this.#pump.add(job);
    else this.#held.push(job);
  }

  /** Requests are answered from now on. */
  begin(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const job of held) this.#pump.add(job);
  }

  /** The target has flushed these blocks. */
  clear(range: Range): void {
    if (!this.#inTransit.covers(range.offset, range.lengthBytes))
      throw new EterneError('protocol', 'blocks are confirmed that were not sent');
    this.#inTransit.remove(range.offset, range.lengthBytes);
    this.#parts.bitmap.clear(range.offset, range.lengthBytes);
  }

  /** Every block of the range is dirty and not sent yet: a later request brings whatever it holds then. */
  willCopy(offset: number, lengthBytes: number): boolean {
    const { bitmap } = this.#parts;
    if (bitmap.dirtyBlocks === 0 || this.#inTransit.touches(offset, lengthBytes)) return false;
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block += 1)
      if (!bitmap.isDirty(block as BlockNumber)) return false;
    return true;
  }

  close(): void {
    this.#pump.close();
  }

  #send(range: Range, piece: PieceContent, job: Job): void {
    const content = contentOf(range, piece, job.digest);
    this.#inTransit.add(range.offset, range.lengthBytes);
    this.#requestedBytes -= range.lengthBytes;
    if (range.offset + range.lengthBytes === job.offset + job.lengthBytes) this.#requests -= 1;
    sendResyncData(this.#parts.sender, range, content);
    this.#parts.sent(RESYNC_FRAME_BYTES + (content.kind === 'data' ? range.lengthBytes : 0));
  }
}

function contentOf(range: Range, piece: PieceContent, digest: Buffer | undefined): ResyncContent {
  if (digest === undefined || piece.kind === 'unused') return piece;
  const data = piece.kind === 'data' ? piece.data : ZEROES.subarray(0, range.lengthBytes);
  return digestOf(data).equals(digest) ? { kind: 'same' } : piece;
}
