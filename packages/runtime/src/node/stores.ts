/**
 * Backing stores on files and block devices, buffered by the page cache.
 *
 * Cached reads and buffered writes run synchronously in the caller's event loop: they are memory copies, and the round trip
 * through the thread pool costs twice what they do. A store that stalls (writeback throttling, a slow device) is
 * noticed by the time one such write took and served through the thread pool until it has been quick for a while, so
 * that it cannot hold up its volume's network traffic. One that could hang for good in such a write (a file on NFS, or on any file system
 * that is not known to be of this machine), and one whose thread serves others as well, is always served through the pool, and never gets all
 * of its threads.
 */
import * as fs from 'node:fs';
import { readFileSync } from 'node:fs';
import { constants as os } from 'node:os';
import { performance } from 'node:perf_hooks';
import { EterneError, assert } from '@eterne/base';
import type { BlockStore, Extent, OpenStoreOptions, StoreDone, StoreError, Stores } from '../ports.ts';
import {
  deallocate,
  findStretch,
  readIfCached,
  stretchAt,
  tryLockFile,
  type Deallocation,
  type Stretch,
} from './native.ts';
import { storeError } from '../store-error.ts';
import { StoreOperations, type StoreOperation } from '../store-operations.ts';
import { systemError } from './errno.ts';
import { PoolShare } from './pool-share.ts';

/** A synchronous write that took longer marks the store as stalling. */
const STALL_MS = 25;
/** For so long after a stall all writes go through the thread pool. */
const STALL_COOL_DOWN_MS = 250;
/**
 * Longest single write. The page cache keeps what one write brought in one piece (a large folio), and every later 4 KiB write walks
 * through the whole piece: with 1 MiB that takes longer than all the rest of its way. Shorter pieces than this cost large writes more than they
 * bring small ones (`npm run bench -- mirror`: write-1m, write-4k-d32).
 */
const WRITE_PIECE_BYTES = 64 * 1024;
const ZERO_CHUNK = Buffer.alloc(1024 * 1024);
const DEFAULT_TIMEOUT_MS = 30_000;

const pieceBytes = (data: Buffer, from: number): number => Math.min(WRITE_PIECE_BYTES, data.length - from);

/** errno name of a number, for example 5 → `EIO`. */
function errnoName(errno: number): string {
  for (const [name, value] of Object.entries(os.errno)) if (value === errno) return name;
  return 'EIO';
}

class FileStore implements BlockStore {
  readonly canPunch = true;
  #sizeBytes: number;
  readonly #isDevice: boolean;
  /** Its page cache is this machine's alone: a buffered write is a copy. */
  readonly #isLocal: boolean;
  /** A call on it may hold up this thread. */
  readonly #mayWait: boolean;
  readonly #pool = new PoolShare();
  readonly #fd: number;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #operations: StoreOperations;
  readonly #watchdog: NodeJS.Timeout;
  #stalledUntilMs = 0;
  #closing = false;

  constructor(path: string, fd: number, isDevice: boolean, sizeBytes: number, options: OpenStoreOptions) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, shared = false } = options;
    this.#path = path;
    this.#fd = fd;
    this.#isDevice = isDevice;
    this.#isLocal = isDevice || isOnLocalFileSystem(path);
    this.#mayWait = this.#isLocal && !shared;
    this.#sizeBytes = sizeBytes;
    this.#timeoutMs = timeoutMs;
    this.#operations = new StoreOperations(timeoutMs);
    this.#watchdog = setInterval(() => this.#failOverdue(), this.#operations.tickMs);
    this.#watchdog.unref();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#checkRange(offset, into.length);
    if (this.#operations.failed !== undefined) return done(this.#operations.failed);
    const cached = this.#isLocal ? readIfCached(this.#fd, into, offset) : 0;
    if (cached === into.length) return done(undefined);
    this.#readRest(offset, into, Math.max(cached, 0), this.#operations.begin(done));
  }

  /** `work` in the thread pool, when the store may have one more of its threads. */
  #inPool<Result extends unknown[]>(
    work: (end: (...result: Result) => void) => void,
    done: (...result: Result) => void,
  ): void {
    this.#pool.enter(() =>
      work((...result) => {
        this.#pool.leave();
        done(...result);
      }),
    );
  }

  #readRest(offset: number, into: Buffer, from: number, operation: StoreOperation): void {
    const read = (end: (error: NodeJS.ErrnoException | null, count: number) => void): void =>
      fs.read(this.#fd, into, from, into.length - from, offset + from, end);
    this.#inPool(read, (error, count) => {
      if (error)
        return this.#operations.end(operation, storeError(`read ${this.#path}`, error.code ?? 'EIO'));
      if (count === 0)
        return this.#operations.end(operation, storeError(`read past the end of ${this.#path}`, 'ENXIO'));
      if (from + count < into.length) return this.#readRest(offset, into, from + count, operation);
      this.#operations.end(operation, undefined);
    });
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#checkRange(offset, from.length);
    if (this.#operations.failed !== undefined) return done(this.#operations.failed);
    let written = 0;
    let nowMs = performance.now();
    while (this.#mayWait && written < from.length && nowMs >= this.#stalledUntilMs) {
      const startedMs = nowMs;
      try {
        written += fs.writeSync(this.#fd, from, written, pieceBytes(from, written), offset + written);
      } catch (error) {
        return done(storeError(`write ${this.#path}`, (error as NodeJS.ErrnoException).code ?? 'EIO'));
      }
      nowMs = performance.now();
      if (nowMs - startedMs > STALL_MS) this.#stalledUntilMs = nowMs + STALL_COOL_DOWN_MS;
    }
    if (written === from.length) return done(undefined);
    this.#writeRest(offset, from, written, this.#operations.begin(done));
  }

  /** Its pieces go through the pool side by side: one after the other, each would wait for a thread anew. */
  #writeRest(offset: number, from: Buffer, start: number, operation: StoreOperation): void {
    const startedMs = performance.now();
    let underWay = Math.ceil((from.length - start) / WRITE_PIECE_BYTES);
    let failure: StoreError | undefined;
    const ended = (error: StoreError | undefined): void => {
      failure ??= error;
      underWay -= 1;
      if (underWay > 0) return;
      if (performance.now() - startedMs > STALL_MS)
        this.#stalledUntilMs = performance.now() + STALL_COOL_DOWN_MS;
      this.#operations.end(operation, failure);
    };
    for (let at = start; at < from.length; at += WRITE_PIECE_BYTES)
      this.#writePiece(offset, from, at, at + pieceBytes(from, at), ended);
  }

  #writePiece(
    offset: number,
    from: Buffer,
    start: number,
    end: number,
    done: (error: StoreError | undefined) => void,
  ): void {
    const write = (written: (error: NodeJS.ErrnoException | null, count: number) => void): void =>
      fs.write(this.#fd, from, start, end - start, offset + start, written);
    this.#inPool(write, (error, count) => {
      if (error) return done(storeError(`write ${this.#path}`, error.code ?? 'EIO'));
      if (start + count < end) return this.#writePiece(offset, from, start + count, end, done);
      done(undefined);
    });
  }

  flush(done: StoreDone): void {
    if (this.#operations.failed !== undefined) return done(this.#operations.failed);
    const operation = this.#operations.begin(done);
    const sync = (end: (error: NodeJS.ErrnoException | null) => void): void => fs.fdatasync(this.#fd, end);
    this.#inPool(sync, (error) => {
      if (!error) return this.#operations.end(operation, undefined);
      // The kernel has dropped the dirty pages and marked them clean: a second fsync would lie. The disk has failed.
      this.#operations.fail({ ...storeError(`flush ${this.#path}`, error.code ?? 'EIO'), kind: 'device' });
      this.#operations.end(operation, undefined);
    });
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.writeZeroes(offset, lengthBytes, true, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    this.#checkRange(offset, lengthBytes);
    if (this.#operations.failed !== undefined) return done(this.#operations.failed);
    const how: Deallocation = mayPunch ? 'punch-hole' : 'zero-range';
    const operation = this.#operations.begin(done);
    const work = (end: (errno: number) => void): void => deallocate(this.#fd, how, offset, lengthBytes, end);
    this.#inPool(work, (errno) => {
      if (errno === 0) return this.#operations.end(operation, undefined);
      if (errno === os.errno.EOPNOTSUPP || errno === os.errno.ENOSYS || errno === os.errno.EINVAL) {
        return this.#writeZeroChunks(offset, offset + lengthBytes, operation);
      }
      this.#operations.end(operation, storeError(`deallocate ${this.#path}`, errnoName(errno)));
    });
  }

  #writeZeroChunks(offset: number, end: number, operation: StoreOperation): void {
    if (offset === end) return this.#operations.end(operation, undefined);
    const length = Math.min(ZERO_CHUNK.length, end - offset);
    const write = (end: (error: NodeJS.ErrnoException | null, count: number) => void): void =>
      fs.write(this.#fd, ZERO_CHUNK, 0, length, offset, end);
    this.#inPool(write, (error, count) => {
      if (error)
        return this.#operations.end(operation, storeError(`write ${this.#path}`, error.code ?? 'EIO'));
      this.#writeZeroChunks(offset + count, end, operation);
    });
  }

  nextExtent(offset: number, done: (error: StoreError | undefined, extent: Extent) => void): void {
    this.#checkRange(offset, 0);
    const rest = { lengthBytes: this.sizeBytes - offset, allocated: true };
    if (this.#operations.failed !== undefined) return done(this.#operations.failed, rest);
    const extent = (stretch: Stretch | undefined): Extent =>
      stretch === undefined ? rest : { lengthBytes: stretch.end - offset, allocated: stretch.data };
    if (!this.#isLocal) return done(undefined, rest);
    if (this.#mayWait) return done(undefined, extent(stretchAt(this.#fd, offset, this.#sizeBytes)));
    let found: Stretch | undefined;
    const operation = this.#operations.begin((error) => done(error, extent(found)));
    const find = (end: () => void): void =>
      findStretch(this.#fd, offset, this.#sizeBytes, (stretch) => {
        found = stretch;
        end();
      });
    this.#inPool(find, () => this.#operations.end(operation, undefined));
  }

  grow(sizeBytes: number, done: StoreDone): void {
    if (this.#operations.failed !== undefined) return done(this.#operations.failed);
    if (this.#sizeBytes >= sizeBytes) return done(undefined);
    if (this.#isDevice) return done(this.#noticeEnd(sizeBytes));
    const operation = this.#operations.begin(done);
    const finish = (error: NodeJS.ErrnoException | null): void => {
      if (error === null) this.#sizeBytes = Math.max(this.#sizeBytes, sizeBytes);
      this.#operations.end(
        operation,
        error ? storeError(`enlarge ${this.#path}`, error.code ?? 'EIO') : undefined,
      );
    };
    fs.ftruncate(this.#fd, sizeBytes, (error) =>
      error === null ? fs.fsync(this.#fd, finish) : finish(error),
    );
  }

  #noticeEnd(wantedBytes: number): StoreError | undefined {
    this.#sizeBytes = Math.max(this.#sizeBytes, deviceSizeBytes(this.#fd, this.#path));
    if (this.#sizeBytes >= wantedBytes) return undefined;
    const message = `${this.#path} has ${this.#sizeBytes} bytes, ${wantedBytes} are needed`;
    return { kind: 'logical', errno: 'ENOSPC', message };
  }

  close(done: () => void): void {
    assert(!this.#closing, 'a store is closed once');
    this.#closing = true;
    this.#operations.whenIdle(() => {
      clearInterval(this.#watchdog);
      // Operations that were given up as overdue may still be in the thread pool with this descriptor's number: were it closed
      // and given to another file, they would land there.
      if (this.#operations.failed?.kind === 'timeout') setImmediate(done);
      else fs.close(this.#fd, () => done());
    });
  }

  #failOverdue(): void {
    if (!this.#operations.tick()) return;
    this.#pool.close();
    this.#operations.giveUp(
      storeError(`${this.#path} has not answered for ${this.#timeoutMs} ms`, 'ETIMEDOUT'),
    );
  }

  #checkRange(offset: number, lengthBytes: number): void {
    assert(
      offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= this.sizeBytes,
      'store access within its size',
    );
  }
}

/** Magic numbers of statfs(2): ext2 to ext4, XFS, Btrfs, tmpfs, F2FS, ZFS, bcachefs. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1, 0xca451a4e,
]);

function isOnLocalFileSystem(path: string): boolean {
  return LOCAL_FILE_SYSTEMS.has(fs.statfsSync(path).type);
}

function isMounted(path: string): boolean {
  const real = fs.realpathSync(path);
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[0] === real);
}

/** Size of a block device: its end. `stat` says 0 for one. */
function deviceSizeBytes(fd: number, path: string): number {
  const { rdev } = fs.fstatSync(fd);
  const sysfs = `/sys/dev/block/${Math.floor(rdev / 256)}:${rdev % 256}/size`;
  if (!fs.existsSync(sysfs)) throw new EterneError('io', `cannot tell the size of ${path}`);
  return Number(readFileSync(sysfs, 'utf8')) * 512;
}

function openExclusive(path: string, options: OpenStoreOptions): BlockStore {
  const exists = fs.existsSync(path);
  if (!exists && options.createSizeBytes === undefined) {
    throw new EterneError('not-found', `${path} does not exist`, { hint: 'create it, or give a size' });
  }
  const isDevice = exists && fs.statSync(path).isBlockDevice();
  if (exists && !isDevice && !fs.statSync(path).isFile()) {
    throw new EterneError('config', `${path} is neither a regular file nor a block device`);
  }
  if (isDevice && isMounted(path))
    throw new EterneError('busy', `${path} is mounted`, { hint: 'unmount it first' });
  const access = options.readOnly === true ? fs.constants.O_RDONLY : fs.constants.O_RDWR;
  const fd = fs.openSync(
    path,
    access | (isDevice ? fs.constants.O_EXCL : exists ? 0 : fs.constants.O_CREAT),
    0o600,
  );
  try {
    if (!tryLockFile(fd)) throw new EterneError('busy', `${path} is in use by another process`);
    const sizeBytes = isDevice ? deviceSizeBytes(fd, path) : growTo(fd, options.createSizeBytes);
    return new FileStore(path, fd, isDevice, sizeBytes, options);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** Grows a regular file, sparse; never shrinks one. Returns its size. */
function growTo(fd: number, wantedBytes: number | undefined): number {
  const { size } = fs.fstatSync(fd);
  if (wantedBytes === undefined || wantedBytes <= size) return size;
  fs.ftruncateSync(fd, wantedBytes);
  fs.fsyncSync(fd);
  return wantedBytes;
}

export const nodeStores: Stores = {
  open(path, options, done) {
    setImmediate(() => {
      let result: BlockStore | EterneError;
      try {
        result = openExclusive(path, options);
      } catch (error) {
        result =
          error instanceof EterneError ? error : systemError(`open ${path}`, error as NodeJS.ErrnoException);
      }
      done(result);
    });
  },
};
