import type { BlockStore, Extent, StoreDone, StoreError } from '@eterne/runtime';
import type { Scheduler } from './scheduler.ts';

interface Unflushed {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A disk that outlives its process: what is on the platter, and what sits in its volatile cache. */
export class MemoryDisk {
  /** How large it may become. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** What a reader sees. */
  content: Buffer;
  #durable: Buffer;
  #unflushed: Unflushed[] = [];
  /** Set: every write and flush fails with it. */
  failWith: StoreError | undefined;
  /** What is wrong with a place on the disk, if anything. */
  fault: (what: 'read' | 'write', offset: number, lengthBytes: number) => StoreError | undefined = () =>
    undefined;
  /** There is none: an opening that may creates it, empty. */
  isMissing = false;
  /** Whoever has it open; tells whether it is dead. */
  holder: (() => boolean) | undefined;
  writesInFlight = 0;
  readCount = 0;
  flushCount = 0;

  constructor(sizeBytes: number) {
    this.content = Buffer.alloc(sizeBytes);
    this.#durable = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  /** Durably, as a file. */
  grow(sizeBytes: number): boolean {
    if (sizeBytes > this.capacityBytes) return false;
    const added = Buffer.alloc(Math.max(0, sizeBytes - this.sizeBytes));
    this.content = Buffer.concat([this.content, added]);
    this.#durable = Buffer.concat([this.#durable, added]);
    return true;
  }

  write(offset: number, bytes: Buffer): void {
    bytes.copy(this.content, offset);
    this.#unflushed.push({ offset, bytes: Buffer.from(bytes) });
  }

  /** What was completed before the flush began. */
  mark(): number {
    return this.#unflushed.length;
  }

  flush(upTo: number): void {
    for (const { offset, bytes } of this.#unflushed.splice(0, upTo)) bytes.copy(this.#durable, offset);
    this.flushCount += 1;
  }

  /** Power loss: of the un-flushed writes only those that `keep` says survive. */
  losePower(keep: (index: number) => boolean = () => false): void {
    this.#unflushed.forEach(({ offset, bytes }, index) => {
      if (keep(index)) bytes.copy(this.#durable, offset);
    });
    this.#unflushed = [];
    this.content = Buffer.from(this.#durable);
  }
}

/** A process's door to a disk. `delayMs` 0: callbacks run within the call, as the fast path of a real store does. */
export function storeOn(
  disk: MemoryDisk,
  scheduler: Scheduler,
  isDead: () => boolean,
  delayMs: () => number,
): BlockStore {
  const later = (act: () => void): void => {
    const ms = delayMs();
    if (ms <= 0) act();
    else
      scheduler.at(ms, () => {
        if (!isDead()) act();
      });
  };
  const put = (offset: number, bytes: Buffer, done: StoreDone): void => {
    const error = disk.failWith ?? disk.fault('write', offset, bytes.length);
    if (error !== undefined) return later(() => done(error));
    disk.writesInFlight += 1;
    later(() => {
      disk.writesInFlight -= 1;
      disk.write(offset, bytes);
      done(undefined);
    });
  };
  return {
    get sizeBytes() {
      return disk.sizeBytes;
    },
    canPunch: true,
    read: (offset, into, done) =>
      later(() => {
        disk.readCount += 1;
        disk.content.copy(into, 0, offset, offset + into.length);
        done(disk.fault('read', offset, into.length));
      }),
    write: put,
    flush(done) {
      if (disk.failWith !== undefined) return later(() => done(disk.failWith));
      const upTo = disk.mark();
      later(() => {
        disk.flush(Math.min(upTo, disk.mark()));
        done(undefined);
      });
    },
    discard: (offset, lengthBytes, done) => put(offset, Buffer.alloc(lengthBytes), done),
    writeZeroes: (offset, lengthBytes, _mayPunch, done) => put(offset, Buffer.alloc(lengthBytes), done),
    nextExtent: (offset, done) => later(() => done(undefined, extentAt(disk.content, offset))),
    grow: (sizeBytes, done) =>
      later(() =>
        done(
          disk.grow(sizeBytes)
            ? undefined
            : { kind: 'logical', errno: 'ENOSPC', message: 'the device is full' },
        ),
      ),
    close: (done) =>
      later(() => {
        disk.holder = undefined;
        done();
      }),
  };
}

const GRANULE_BYTES = 64 * 1024;
const ZEROES = Buffer.alloc(GRANULE_BYTES);

/** As a sparse file would: granules of zeroes are holes. Tells of at most sixteen at once. */
function extentAt(content: Buffer, offset: number): Extent {
  const isHole = (at: number): boolean => {
    const granule = content.subarray(at, Math.min(at + GRANULE_BYTES, content.length));
    return granule.equals(ZEROES.subarray(0, granule.length));
  };
  const first = offset - (offset % GRANULE_BYTES);
  const allocated = !isHole(first);
  let end = first + GRANULE_BYTES;
  while (end < Math.min(content.length, first + 16 * GRANULE_BYTES) && isHole(end) !== allocated)
    end += GRANULE_BYTES;
  return { lengthBytes: Math.min(end, content.length) - offset, allocated };
}
