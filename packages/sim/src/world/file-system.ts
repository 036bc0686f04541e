import { EterneError } from '@eterne/base';
import type { FileHandle, Files } from '@eterne/runtime';
import { SECTOR_BYTES } from './page.ts';
import type { SimNode } from './node.ts';
import type { SimProcess } from './process.ts';

type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly sizeBytes: number };

/** A file with a page cache above it. Un-synced changes die with the power, wholly or by sectors. */
class SimFile {
  content: Buffer = Buffer.alloc(0);
  private durable: Buffer = Buffer.alloc(0);
  private unsynced: Change[] = [];

  change(change: Change): undefined {
    this.content = applied(this.content, change);
    this.unsynced.push(change);
  }

  get durableContent(): Buffer {
    return this.durable;
  }

  spoil(offset: number): void {
    const rotten = Buffer.from(this.durable);
    rotten.writeUInt8(rotten.readUInt8(offset) ^ 0xff, offset);
    this.replace(rotten);
  }

  get changes(): number {
    return this.unsynced.length;
  }

  /** The oldest `count` un-synced changes reach the platter. */
  sync(count: number): undefined {
    for (const change of this.unsynced.splice(0, count)) this.durable = applied(this.durable, change);
  }

  replace(content: Buffer): undefined {
    this.content = content;
    this.durable = Buffer.from(content);
    this.unsynced = [];
  }

  losePower(keep: (offset: number) => boolean): void {
    for (const change of this.unsynced) {
      if (change.kind === 'truncate') {
        if (keep(change.sizeBytes)) this.durable = applied(this.durable, change);
        continue;
      }
      for (const piece of sectorsOf(change.offset, change.data))
        if (keep(piece.offset)) this.durable = applied(this.durable, piece);
    }
    this.unsynced = [];
    this.content = Buffer.from(this.durable);
  }
}

function sectorsOf(offset: number, data: Buffer): (Change & { kind: 'write' })[] {
  const pieces: (Change & { kind: 'write' })[] = [];
  for (let at = 0; at < data.length;) {
    const end = Math.min(data.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    pieces.push({ kind: 'write', offset: offset + at, data: data.subarray(at, end) });
    at = end;
  }
  return pieces;
}

/** A new buffer: handed-out contents never change under their reader. */
function applied(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') {
    const cut = Buffer.alloc(change.sizeBytes);
    content.copy(cut, 0, 0, change.sizeBytes);
    return cut;
  }
  const grown = Buffer.alloc(Math.max(content.length, change.offset + change.data.length));
  content.copy(grown);
  change.data.copy(grown, change.offset);
  return grown;
}

/** The files of one machine, and the `Files` port of each of its processes. */
export class SimFileSystem {
  /** Writes and syncs fail with ENOSPC while true. */
  full = false;
  /** While it hangs nothing that is asked of it is done. */
  private waiting: (() => void)[] | undefined;
  private readonly node: SimNode;
  private readonly files = new Map<string, SimFile>();

  constructor(node: SimNode) {
    this.node = node;
  }

  get isEmpty(): boolean {
    return this.files.size === 0;
  }

  hang(): void {
    this.waiting ??= [];
  }

  goOn(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const ask of waiting) ask();
  }

  /** For checkers: what a process would read. */
  peek(path: string): Buffer | undefined {
    return this.files.get(path)?.content;
  }

  /** … and would find after a power cut that takes all that no sync covered. */
  peekDurable(path: string): Buffer | undefined {
    return this.files.get(path)?.durableContent;
  }

  /** A byte rots, on the platter too. */
  spoil(path: string, offset: number): void {
    this.files.get(path)?.spoil(offset);
  }

  losePower(): void {
    const { random } = this.node;
    for (const [path, file] of this.files) {
      if (file.changes === 0) continue;
      const keep = random.weighted([
        [2, 0],
        [1, 1],
        [3, random.unit()],
      ] as const);
      this.node.universe.trace.line(
        this.node.name,
        `${path} loses power with ${file.changes} un-synced changes`,
      );
      file.losePower(() => random.chance(keep));
    }
  }

  portFor(process: SimProcess): Files {
    const { random } = this.node;
    /** Does `effect` half-way and completes; a process that dies before has done nothing. */
    const act = <T>(
      latencyMs: readonly [number, number],
      effect: () => T,
      done: (result: T) => void,
    ): void => {
      if (!process.alive) return;
      if (this.waiting !== undefined) {
        this.waiting.push(() => act(latencyMs, effect, done));
        return;
      }
      const took = random.between(latencyMs[0], latencyMs[1]);
      const { scheduler } = this.node.universe;
      scheduler.after(took * random.unit(), () => {
        if (!process.alive) return;
        const result = effect();
        scheduler.after(took / 2, () => process.enter(() => done(result)));
      });
    };
    return {
      openFile: (path, done) => act(QUICK_MS, () => this.handleOf(this.fileAt(path), act), done),
      readFile: (path, done) => act(QUICK_MS, () => copyOf(this.files.get(path)?.content), done),
      writeFileAtomic: (path, content, _mode, done) => {
        const copy = Buffer.from(content);
        act(SYNC_MS, () => (this.full ? noSpace(path) : this.fileAt(path).replace(copy)), done);
      },
      remove: (path, done) => act(SYNC_MS, () => void this.files.delete(path), done),
      list: (folder, done) => act(QUICK_MS, () => this.namesIn(folder), done),
      makeFolder: (_path, done) => act(QUICK_MS, () => undefined, done),
      realPath: (path, done) => act(QUICK_MS, () => path, done),
    };
  }

  private fileAt(path: string): SimFile {
    let file = this.files.get(path);
    if (file === undefined) this.files.set(path, (file = new SimFile()));
    return file;
  }

  private namesIn(folder: string): string[] {
    const prefix = folder.endsWith('/') ? folder : `${folder}/`;
    const names = new Set<string>();
    for (const path of this.files.keys())
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).replace(/\/.*$/, ''));
    return [...names].toSorted();
  }

  private handleOf(
    file: SimFile,
    act: <T>(latencyMs: readonly [number, number], effect: () => T, done: (result: T) => void) => void,
  ): FileHandle {
    const space = (): EterneError | undefined => (this.full ? noSpace('the file') : undefined);
    return {
      get sizeBytes() {
        return file.content.length;
      },
      readAt: (offset, lengthBytes, done) =>
        act(QUICK_MS, () => Buffer.from(file.content.subarray(offset, offset + lengthBytes)), done),
      writeAt: (offset, from, done) => {
        const data = Buffer.from(from);
        act(QUICK_MS, () => space() ?? file.change({ kind: 'write', offset, data }), done);
      },
      truncate: (sizeBytes, done) => act(QUICK_MS, () => file.change({ kind: 'truncate', sizeBytes }), done),
      sync: (done) => {
        const count = file.changes;
        act(SYNC_MS, () => space() ?? file.sync(Math.min(count, file.changes)), done);
      },
      close: (done) => act(QUICK_MS, () => undefined, done),
    };
  }
}

const QUICK_MS = [0.02, 0.2] as const;
const SYNC_MS = [0.3, 6] as const;

function copyOf(content: Buffer | undefined): Buffer | undefined {
  return content === undefined ? undefined : Buffer.from(content);
}

function noSpace(path: string): EterneError {
  return new EterneError('no-space', `no space left to write ${path}`);
}
