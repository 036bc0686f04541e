import { assert, EterneError } from '@eterne/base';
import type {
  BlockStore,
  OpenStoreOptions,
  StoreDone,
  StoreError,
  StoreErrorKind,
  Stores,
} from '@eterne/runtime';
import type { SimDisk } from './disk.ts';
import { SECTOR_BYTES } from './page.ts';
import type { SimProcess } from './process.ts';

/** A hanging disk is asked again this often. */
const HANG_POLL_MS = 5;

/** The `Stores` port of one process: whole disks, opened by path, one opener at a time. */
export class SimStores implements Stores {
  private readonly process: SimProcess;
  private readonly open_ = new Set<SimStore>();

  constructor(process: SimProcess) {
    this.process = process;
  }

  open(path: string, options: OpenStoreOptions, done: (result: BlockStore | EterneError) => void): void {
    const { process } = this;
    const disk = process.node.disk(path);
    process.later(disk.random.between(0.05, 0.5), () => {
      if (disk.sizeBytes === 0 && options.createSizeBytes === undefined)
        return done(new EterneError('not-found', `there is no ${path}`));
      if (disk.locked) return done(new EterneError('busy', `${path} is in use`));
      disk.locked = true;
      disk.sizeBytes = Math.max(disk.sizeBytes, options.createSizeBytes ?? 0);
      const store = new SimStore(process, disk, options, () => this.open_.delete(store));
      this.open_.add(store);
      done(store);
    });
  }

  ownerDied(cause: 'killed' | 'power'): void {
    for (const store of this.open_) store.ownerDied(cause);
    this.open_.clear();
  }
}

const ZEROES = Buffer.alloc(1024 * 1024);

/** Never written to, so that all may share it. */
function zeroes(lengthBytes: number): Buffer {
  return lengthBytes <= ZEROES.length ? ZEROES.subarray(0, lengthBytes) : Buffer.alloc(lengthBytes);
}

/** A write on its way to the cache. */
interface InFlight {
  readonly offset: number;
  readonly lengthBytes: number;
  /** As it was when the call was made: what is applied, and what the caller's buffer must still be. */
  readonly data: Buffer;
  applied: boolean;
}

/** What is done to the disk, and told when it is done. */
interface Operation {
  readonly name: 'read' | 'write' | 'flush';
  readonly offset: number;
  readonly effect: () => void;
  readonly done: StoreDone;
  /** Asked in the instant of the effect, instead of which it then happens. */
  readonly refusal?: () => StoreError | undefined;
}

/**
 * One open store. Completions come inside the call or later, in any order, as the disk's temper says. Two promises of
 * the port's user are checked on the way: a buffer lent to a write is not touched before its completion, and
 * no two writes overlap in flight.
 */
class SimStore implements BlockStore {
  readonly canPunch = true;
  private readonly process: SimProcess;
  private readonly disk: SimDisk;
  private readonly epoch: number;
  /** While its disk is there. */
  private lastSizeBytes = 0;
  private readonly timeoutMs: number;
  private readonly forget: () => void;
  private readonly writes = new Set<InFlight>();
  private pending = 0;
  private timedOut = false;
  private closing: (() => void) | undefined;

  constructor(process: SimProcess, disk: SimDisk, options: OpenStoreOptions, forget: () => void) {
    this.process = process;
    this.disk = disk;
    this.epoch = disk.epoch;
    this.lastSizeBytes = disk.sizeBytes;
    disk.inFlight = this.writes;
    this.timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
    this.forget = forget;
  }

  get sizeBytes(): number {
    if (!this.isGone) this.lastSizeBytes = this.disk.sizeBytes;
    return this.lastSizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.checkRange(offset, into.length);
    const sectorError = (): StoreError | undefined =>
      this.disk.isReadable(offset, into.length) ? undefined : this.errorOf('sector', 'EIO');
    this.perform({
      name: 'read',
      offset,
      effect: () => this.disk.read(offset, into),
      done,
      refusal: sectorError,
    });
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.change(offset, from.length, from, done);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.change(offset, lengthBytes, undefined, done);
  }

  writeZeroes(offset: number, lengthBytes: number, _mayPunch: boolean, done: StoreDone): void {
    this.change(offset, lengthBytes, undefined, done);
  }

  flush(done: StoreDone): void {
    const point = this.disk.flushPoint();
    this.perform({ name: 'flush', offset: 0, effect: () => this.disk.flushUpTo(point), done });
  }

  grow(sizeBytes: number, done: StoreDone): void {
    const { disk } = this;
    const effect = (): void => void (disk.sizeBytes = Math.max(disk.sizeBytes, sizeBytes));
    const refusal = (): StoreError | undefined => (disk.full ? this.errorOf('logical', 'ENOSPC') : undefined);
    this.perform({ name: 'write', offset: disk.sizeBytes, effect, done, refusal });
  }

  close(done: () => void): void {
    this.closing = done;
    this.maybeClosed();
  }

  /** The kernel finishes, or never began, what was in flight; with the power it may also tear it. */
  ownerDied(cause: 'killed' | 'power'): void {
    if (this.isGone) return;
    const { random } = this.disk;
    for (const write of this.writes) {
      if (write.applied) continue;
      const pieceBytes = cause === 'killed' ? write.lengthBytes : SECTOR_BYTES;
      for (let at = 0; at < write.lengthBytes; at += pieceBytes)
        if (random.chance(0.5)) this.disk.apply(write.offset + at, write.data.subarray(at, at + pieceBytes));
    }
    this.writes.clear();
    this.disk.locked = false;
  }

  private change(offset: number, lengthBytes: number, from: Buffer | undefined, done: StoreDone): void {
    this.checkRange(offset, lengthBytes);
    if (!this.process.alive) return;
    const { universe } = this.process.node;
    for (const other of this.writes)
      if (offset < other.offset + other.lengthBytes && other.offset < offset + lengthBytes)
        universe.violate(
          'store-overlap',
          `${this.disk.name}: writes at ${offset}+${lengthBytes} and ${other.offset}+${other.lengthBytes} in flight at once`,
        );
    const write: InFlight = {
      offset,
      lengthBytes,
      data: from === undefined ? zeroes(lengthBytes) : Buffer.from(from),
      applied: false,
    };
    this.writes.add(write);
    const apply = (): void => {
      if (write.applied || this.isGone) return;
      write.applied = true;
      if (from !== undefined && !from.equals(write.data))
        universe.violate(
          'store-buffer',
          `${this.disk.name}: a buffer lent to a write at ${offset} was changed`,
        );
      this.disk.apply(offset, write.data);
    };
    const refuse = (kind: StoreErrorKind, errno: string): StoreError => {
      this.disk.onRefused?.(offset, lengthBytes);
      return this.errorOf(kind, errno);
    };
    const refusal = (): StoreError | undefined => {
      if (write.applied) return undefined;
      if (this.disk.full) return refuse('logical', 'ENOSPC');
      return this.disk.takes(offset, lengthBytes) ? undefined : refuse('sector', 'EIO');
    };
    const mayBegin = (): boolean => this.failure() === undefined && !this.disk.full && !this.disk.hanging;
    if (mayBegin() && this.disk.random.chance(0.3) && this.disk.takes(offset, lengthBytes)) apply();
    const finished: StoreDone = (error) => {
      this.writes.delete(write);
      done(error);
    };
    this.perform({ name: 'write', offset, effect: apply, done: finished, refusal });
  }

  /** Runs the effect on the disk and completes, now or later. A dead process's call has no effect, nor has a refused one. */
  private perform({ name, offset, effect, done, refusal = () => undefined }: Operation): void {
    this.process.operation(
      () => `${name} ${name === 'flush' ? this.disk.content : this.disk.regionAt(offset)}`,
    );
    if (!this.process.alive) return;
    const { disk } = this;
    this.pending += 1;
    const { universe } = this.process.node;
    const { scheduler } = universe;
    const startedMs = scheduler.nowMs;
    const attempt = (): void => {
      if (!this.process.alive) return;
      if (disk.hanging && !this.timedOut) {
        if (scheduler.nowMs - startedMs < this.timeoutMs) {
          universe.ownStep();
          scheduler.after(HANG_POLL_MS, attempt);
          return;
        }
        this.timedOut = true;
      }
      const error = this.failure() ?? refusal();
      if (error === undefined) effect();
      this.process.enter(() => this.complete(done, error));
    };
    if (!disk.hanging && disk.random.chance(disk.temper.syncChance)) {
      const error = this.failure() ?? refusal();
      if (error === undefined) effect();
      return this.complete(done, error);
    }
    const [low, high] = name === 'flush' ? disk.temper.flushLatencyMs : disk.temper.latencyMs;
    scheduler.after(disk.random.between(low, high), attempt);
  }

  private complete(done: StoreDone, error: StoreError | undefined): void {
    this.pending -= 1;
    if (!this.process.alive) return;
    done(error);
    this.maybeClosed();
  }

  /** Why nothing works any more. */
  private failure(): StoreError | undefined {
    if (this.timedOut) return this.errorOf('timeout', 'ETIMEDOUT');
    return this.disk.broken || this.isGone ? this.errorOf('device', 'EIO') : undefined;
  }

  /** Its disk was taken away. */
  private get isGone(): boolean {
    return this.epoch !== this.disk.epoch;
  }

  private errorOf(kind: StoreErrorKind, errno: string): StoreError {
    return { kind, errno, message: `${this.disk.name}: ${kind} error` };
  }

  private maybeClosed(): void {
    const { closing } = this;
    if (closing === undefined || this.pending > 0 || !this.process.alive) return;
    this.closing = undefined;
    this.forget();
    if (!this.isGone) this.disk.locked = false;
    this.process.later(0, closing);
  }

  private checkRange(offset: number, lengthBytes: number): void {
    assert(offset >= 0 && lengthBytes > 0, `store operation at ${offset}+${lengthBytes}`);
    assert(offset + lengthBytes <= this.sizeBytes, `store operation past the end of ${this.disk.name}`);
    assert(
      offset % SECTOR_BYTES === 0 && lengthBytes % SECTOR_BYTES === 0,
      'a store operation covers whole sectors',
    );
  }
}
