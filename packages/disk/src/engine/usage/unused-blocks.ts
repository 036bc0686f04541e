/**
 * The blocks of a volume that no file system uses, for its first copy. In order:
 *
 * 1. Every write from now on is noticed: a block that was written is in use, whatever the map says.
 * 2. The file system must be known, unmounted and left in order; partclone reads off its map.
 * 3. Afterwards it must still be so.
 *
 * Whatever is not as it should be means that everything is copied.
 */
import { EterneError } from '@eterne/base';
import { Bitmap } from '../../metadata/bitmap.ts';
import { BLOCK_BYTES } from '../../metadata/index.ts';
import type { Replica } from '../replica.ts';
import { parseDomainMap } from './domain-map.ts';
import { HEAD_BYTES, recognise, type FileSystem } from './file-system.ts';

const TOOL_TIMEOUT_MS = 5 * 60_000;
/** A map of a very fragmented file system; a longer one is cut at its front, and not understood. */
const MAX_MAP_BYTES = 256 * 1024 * 1024;
const MAX_RUN_BLOCKS = 2 ** 31;

type Found = (result: { readonly name: string; readonly unusedBytes: number } | EterneError) => void;

export class UnusedBlocks {
  readonly #replica: Replica;
  readonly #unused: Bitmap;
  readonly #stopWatching: () => void;
  /** Blocks written before the map was there. */
  #written: Bitmap;
  #hasWrites = false;
  /** Who waits for what was found; undefined: it is. */
  #onKnown: (() => void)[] | undefined = [];
  #closed = false;

  constructor(replica: Replica) {
    this.#replica = replica;
    const { sizeBytes } = replica;
    this.#unused = new Bitmap(sizeBytes);
    this.#written = new Bitmap(sizeBytes);
    this.#stopWatching = replica.disk.watchWrites((offset, lengthBytes) => this.#wrote(offset, lengthBytes));
  }

  /** How far from `offset` on, a block's beginning, nothing is in use. */
  unusedBytes(offset: number): number {
    const block = offset / BLOCK_BYTES;
    if (this.#unused.dirtyBlocks === 0 || !this.#unused.isDirty(block)) return 0;
    const { sizeBytes } = this.#replica;
    const run = this.#unused.nextDirty(block, MAX_RUN_BLOCKS);
    return Math.min((run?.blockCount ?? 0) * BLOCK_BYTES, sizeBytes - offset);
  }

  /** Calls `then` when `find` has answered. */
  whenKnown(then: () => void): void {
    if (this.#onKnown === undefined) then();
    else this.#onKnown.push(then);
  }

  /** Answers once, unless closed before. */
  find(done: Found): void {
    this.#find((result) => {
      const waiting = this.#onKnown ?? [];
      this.#onKnown = undefined;
      done(result);
      for (const then of waiting) then();
    });
  }

  #find(done: Found): void {
    const { devicePath, members } = this.#replica.config;
    if (members !== undefined)
      return done(new EterneError('unsupported', 'the volumes of a mirror set are copied together'));
    if (devicePath.includes('://'))
      return done(new EterneError('unsupported', 'the store is no file or device'));
    this.#recognise((fileSystem) => {
      if (fileSystem instanceof EterneError) return done(fileSystem);
      this.#checkByTool(fileSystem, (problem) => {
        if (problem !== undefined) done(problem);
        else this.#readMap(fileSystem, done);
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopWatching();
  }

  #wrote(offset: number, lengthBytes: number): void {
    this.#hasWrites = true;
    this.#written.mark(offset, lengthBytes);
    if (this.#unused.dirtyBlocks === 0) return;
    const first = offset - (offset % BLOCK_BYTES);
    const end = Math.ceil((offset + lengthBytes) / BLOCK_BYTES) * BLOCK_BYTES;
    this.#unused.clear(first, Math.min(end, this.#replica.sizeBytes) - first);
  }

  #recognise(done: (result: FileSystem | EterneError) => void): void {
    const { config, disk, sizeBytes } = this.#replica;
    const head = Buffer.alloc(HEAD_BYTES);
    if (sizeBytes < HEAD_BYTES) return done(new EterneError('unsupported', 'too small for a file system'));
    disk.read(0, head, (error) => {
      if (this.#closed) return;
      done(error === undefined ? recognise(head, config.devicePath) : new EterneError('io', error.message));
    });
  }

  #checkByTool({ check, name }: FileSystem, done: (problem: EterneError | undefined) => void): void {
    if (check === undefined) return done(undefined);
    const { processes } = this.#replica.world;
    processes.spawn({ command: check.command, timeoutMs: TOOL_TIMEOUT_MS }, ({ startError, stdout }) => {
      if (this.#closed) return;
      if (startError === undefined && stdout.includes(check.expected)) done(undefined);
      else done(startError ?? new EterneError('refused', `the ${name} file system was not left in order`));
    });
  }

  #readMap(fileSystem: FileSystem, done: Found): void {
    const { config, world } = this.#replica;
    const command = [
      fileSystem.program,
      '-D',
      '-s',
      config.devicePath,
      '-o',
      '-',
      '-L',
      '/dev/null',
    ] as const;
    const options = { command, timeoutMs: TOOL_TIMEOUT_MS, captureBytes: MAX_MAP_BYTES };
    world.processes.spawn(options, ({ code, startError, stdout }) => {
      if (this.#closed) return;
      if (code !== 0)
        return done(startError ?? new EterneError('unsupported', `${fileSystem.program} cannot map it`));
      this.#recognise((after) => {
        if (after instanceof EterneError) return done(after);
        if (this.#hasWrites && !fileSystem.toleratesWrites)
          return done(new EterneError('refused', 'it was written to while its map was read'));
        this.#take(fileSystem, stdout, done);
      });
    });
  }

  #take({ name }: FileSystem, map: string, done: Found): void {
    const { sizeBytes } = this.#replica;
    const problem = parseDomainMap(map, sizeBytes, (offset, lengthBytes) =>
      this.#markUnused(offset, lengthBytes),
    );
    if (problem !== undefined) {
      this.#unused.clear(0, sizeBytes);
      return done(problem);
    }
    for (let block = 0; ;) {
      const run = this.#written.nextDirty(block, MAX_RUN_BLOCKS);
      if (run === undefined) break;
      const offset = run.firstBlock * BLOCK_BYTES;
      this.#unused.clear(offset, Math.min(run.blockCount * BLOCK_BYTES, sizeBytes - offset));
      block = run.firstBlock + run.blockCount;
    }
    this.#written = new Bitmap(sizeBytes);
    done({ name, unusedBytes: this.#unused.dirtyBlocks * BLOCK_BYTES });
  }

  /** Only blocks that are unused throughout. */
  #markUnused(offset: number, lengthBytes: number): void {
    const { sizeBytes } = this.#replica;
    const first = Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const end = offset + lengthBytes;
    const last = end >= sizeBytes ? sizeBytes : end - (end % BLOCK_BYTES);
    if (first < last) this.#unused.mark(first, last - first);
  }
}
