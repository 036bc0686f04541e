/**
 * The rescue journal on its store: a ring of records behind two header slots. One change at a time; whoever uses it queues.
 *
 * Duties
 * 1. `append` answers when the whole batch is durable, and batch n + 1 is begun only after that. So of all records only those of the
 *    last batch can be torn, and nothing was overwritten yet that relied on them.
 * 2. The header slot that holds the newest durable points is never the one being written.
 * 3. Every opening bumps the epoch, durably, before it appends: what a torn batch left beyond the end is never taken for a record.
 * 4. After an I/O error nothing is written any more but a header with the same points, to find out whether it can be (`mayReopen`); everything answers that
 *    error.
 */
import { EterneError, assert } from '@eterne/base';
import type { BlockStore, StoreDone, StoreError } from '@eterne/runtime';
import type { Uuid } from '../metadata/api.ts';
import { AREA_OFFSET, PAGE_BYTES, encodeHeader, type Header, type PointEntry } from './header.ts';
import { encodeRecord, recordBytes, type Record } from './record.ts';

/** For whoever finds a journal that keeps nothing (`engine/journal-return.ts`). */
export const JOURNAL_LOST_HINT =
  'mend its device, and it is used again by itself within a minute; or take `rescueJournal` out of the configuration and open the volume again';

export type AppendDone = (error: EterneError | 'full' | undefined) => void;
export type LogDone = (error: EterneError | undefined) => void;

export class RescueLog {
  readonly #store: BlockStore;
  #header: Header;
  /** Position behind the last record. */
  #tail: number;
  #batch: number;
  #busy = false;
  #failure: EterneError | undefined;
  #isClosed = false;

  /** `header` is durable and of this opening's epoch; the log ends at `tail` with `batch`. */
  constructor(store: BlockStore, header: Header, tail: number, batch: number) {
    this.#store = store;
    this.#header = header;
    this.#tail = tail;
    this.#batch = batch;
  }

  get journalUuid(): Uuid {
    return this.#header.journalUuid;
  }

  get points(): readonly PointEntry[] {
    return this.#header.points;
  }

  get tail(): number {
    return this.#tail;
  }

  get nextPointId(): number {
    return this.#header.nextPointId;
  }

  get areaBytes(): number {
    return this.#header.areaBytes;
  }

  get usedBytes(): number {
    return this.#tail - (this.points[0]?.start ?? this.#tail);
  }

  get failure(): EterneError | undefined {
    return this.#failure;
  }

  /** `full`: nothing was written, there is no room before the oldest point's records. */
  append(records: readonly Record[], done: AppendDone): void {
    assert(!this.#busy, 'one change of the rescue journal at a time');
    if (this.#failure !== undefined) return done(this.#failure);
    const { writes, end } = this.#place(records);
    if (end - (this.points[0]?.start ?? this.#tail) > this.areaBytes) return done('full');
    this.#busy = true;
    this.#writeAll(writes, (error) => {
      this.#busy = false;
      if (error !== undefined) return done(this.#fail(error));
      this.#tail = end;
      this.#batch += 1;
      done(undefined);
    });
  }

  /** Durably replaces the table of points. */
  setPoints(points: readonly PointEntry[], done: LogDone, nextPointId = this.nextPointId): void {
    assert(!this.#busy, 'one change of the rescue journal at a time');
    if (this.#failure !== undefined) return done(this.#failure);
    const sequence = this.#header.sequence + 1;
    const header = { ...this.#header, sequence, points, nextPointId, resumeAt: this.#tail };
    const freedFrom = points.length === 0 ? (this.points[0]?.start ?? this.#tail) : this.#tail;
    const finish = (error: EterneError | undefined): void => {
      this.#busy = false;
      done(error);
    };
    this.#busy = true;
    this.#writeAll([headerWrite(header)], (error) => {
      if (error !== undefined) return finish(this.#fail(error));
      this.#header = header;
      this.#giveBack(freedFrom, () => finish(undefined));
    });
  }

  /** It has failed, and its store is given up. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * It has failed: is nothing lost if its store is opened anew? When it takes writes again; or when it cannot be read either. One that only refuses
   * writes still has the way back.
   */
  mayReopen(done: (mayReopen: boolean) => void): void {
    assert(this.#failure !== undefined, 'only a journal that has failed is opened anew');
    const header = { ...this.#header, sequence: this.#header.sequence + 1, resumeAt: this.#tail };
    this.#writeAll([headerWrite(header)], (error) => {
      if (error !== undefined)
        return this.#store.read(0, Buffer.alloc(AREA_OFFSET), (unreadable) => done(unreadable !== undefined));
      this.#header = header;
      done(true);
    });
  }

  /** Reads bytes of the log: `position` is of a record's page or data. */
  read(position: number, into: Buffer, done: StoreDone): void {
    assert(!this.#isClosed, 'nothing is read of a journal that was given up');
    this.#store.read(physical(position, this.areaBytes), into, done);
  }

  /** Once it has failed, also a second time. */
  close(done: () => void): void {
    if (this.#isClosed) return done();
    this.#isClosed = true;
    this.#store.close(done);
  }

  #place(records: readonly Record[]): { writes: Write[]; end: number } {
    const writes: Write[] = [];
    let position = this.#tail;
    const put = (record: Record): void => {
      const stamp = { position, epoch: this.#header.epoch, batch: this.#batch + 1 };
      writes.push({ offset: physical(position, this.areaBytes), bytes: encodeRecord(record, stamp) });
      position += recordBytes(record);
    };
    for (const record of records) {
      const roomBytes = this.areaBytes - (position % this.areaBytes);
      if (roomBytes < recordBytes(record)) put({ kind: 'skip', gapBytes: roomBytes - PAGE_BYTES });
      put(record);
    }
    return { writes, end: position };
  }

  /** All of them, then one flush. */
  #writeAll(writes: readonly Write[], done: StoreDone): void {
    writeAndFlush(this.#store, writes, done);
  }

  /**
   * The room of a journal without points goes back to whoever shares its file system; a failure costs nothing but room. Nothing is
   * appended meanwhile: it would be discarded, too.
   */
  #giveBack(from: number, then: () => void): void {
    const usedBytes = this.#tail - from;
    if (!this.#store.canPunch || usedBytes === 0) return then();
    const first = Math.min(usedBytes, this.areaBytes - (from % this.areaBytes));
    this.#store.discard(physical(from, this.areaBytes), first, () => {
      if (first === usedBytes) then();
      else this.#store.discard(AREA_OFFSET, usedBytes - first, then);
    });
  }

  #fail(error: StoreError): EterneError {
    this.#failure = new EterneError('io', `rescue journal: ${error.message}`, { hint: JOURNAL_LOST_HINT });
    return this.#failure;
  }
}

export interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

export function headerWrite(header: Header): Write {
  return { offset: (header.sequence % 2) * PAGE_BYTES, bytes: encodeHeader(header) };
}

export function physical(position: number, areaBytes: number): number {
  return AREA_OFFSET + (position % areaBytes);
}

export function writeAndFlush(store: BlockStore, writes: readonly Write[], done: StoreDone): void {
  let unfinished = writes.length;
  let firstError: StoreError | undefined;
  for (const { offset, bytes } of writes)
    store.write(offset, bytes, (error) => {
      firstError ??= error;
      unfinished -= 1;
      if (unfinished > 0) return;
      if (firstError === undefined) store.flush(done);
      else done(firstError);
    });
}
