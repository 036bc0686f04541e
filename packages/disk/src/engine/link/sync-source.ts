/**
 * Gives blocks to a target that asks for them. A range is locked from before it is read until its data is in the stream: a write
 * that comes later follows it there, and the target applies overlapping frames in order of arrival.
 *
 * A bit is cleared only when the target says that it has flushed the block, and only if the block was sent in this session.
 */
import { EterneError, type BlockNumber } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { MAX_REQUESTS, sendResyncData, type Range } from '../../protocol/messages/resync.ts';
import { BlockSet } from '../block-set.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLock, RangeLocks } from '../range-locks.ts';
import type { ResyncPacer } from './resync-pacer.ts';

const ZEROES = Buffer.alloc(1024 * 1024);

export interface SyncSourceParts {
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly bitmap: DirtyBitmap;
  readonly sender: FrameSender;
  readonly pacer: ResyncPacer;
  readonly sizeBytes: number;
  /** Counts what goes over the wire, and what is cleared. */
  sent(wireBytes: number): void;
  failed(error: StoreError): void;
}

export class SyncSource {
  readonly #parts: SyncSourceParts;
  /** Sent in this session, not yet confirmed as flushed. */
  readonly #inTransit = new BlockSet();
  #requests = 0;
  #closed = false;

  constructor(parts: SyncSourceParts) {
    this.#parts = parts;
  }

  request(range: Range): void {
    this.#requests += 1;
    if (this.#requests > MAX_REQUESTS) throw new EterneError('protocol', 'too many blocks asked for at once');
    this.#parts.pacer.take(range.lengthBytes, () => this.#lock(range));
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
    this.#closed = true;
    this.#parts.pacer.stop();
  }

  #lock(range: Range): void {
    const lock: RangeLock = {
      ...range,
      blockers: 0,
      waiters: undefined,
      granted: () => this.#send(lock),
    };
    if (this.#parts.locks.acquire(lock)) this.#send(lock);
  }

  #send(lock: RangeLock): void {
    const { disk, locks } = this.#parts;
    if (this.#closed) return locks.release(lock);
    const data = Buffer.allocUnsafeSlow(lock.lengthBytes);
    disk.read(lock.offset, data, (error) => {
      if (!this.#closed && error === undefined) this.#sendData(lock, data);
      this.#requests -= 1;
      locks.release(lock);
      if (!this.#closed && error !== undefined) this.#parts.failed(error);
    });
  }

  #sendData(lock: RangeLock, data: Buffer): void {
    const isZero = data.equals(ZEROES.subarray(0, data.length));
    this.#inTransit.add(lock.offset, lock.lengthBytes);
    sendResyncData(this.#parts.sender, lock, isZero ? undefined : data);
    this.#parts.sent(isZero ? 0 : data.length);
  }
}
