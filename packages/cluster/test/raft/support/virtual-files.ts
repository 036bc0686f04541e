import { EterneError } from '@eterne/base';
import type { FileHandle, Files } from '@eterne/runtime';
import type { Seeded } from './seeded.ts';
import type { Life, VirtualTime } from './virtual-time.ts';

const SECTOR = 512;

interface File {
  durable: Buffer;
  cached: Buffer;
}

/** One machine's disk. Un-fsynced sectors survive a power loss or not, each by itself; `full` makes every write fail; while it hangs nothing ends. */
export class VirtualDisk {
  readonly #time: VirtualTime;
  readonly #random: Seeded;
  readonly #files = new Map<string, File>();
  full = false;
  syncs = 0;
  #isHanging = false;
  #hanging: (() => void)[] = [];

  constructor(time: VirtualTime, random: Seeded) {
    this.#time = time;
    this.#random = random;
  }

  content(path: string): Buffer | undefined {
    return this.#files.get(path)?.cached;
  }

  put(path: string, content: Buffer): void {
    this.#files.set(path, { durable: content, cached: content });
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  hang(): void {
    this.#isHanging = true;
  }

  /** What was asked meanwhile is done now. */
  goOn(): void {
    this.#isHanging = false;
    for (const work of this.#hanging.splice(0)) work();
  }

  /** Every sector not yet synced keeps its old content, or not, as chance has it; the length ends anywhere between. */
  losePower(): void {
    for (const file of this.#files.values()) {
      const { durable, cached } = file;
      const shortest = Math.min(durable.length, cached.length);
      const length = shortest + this.#random.below(Math.abs(cached.length - durable.length) + 1);
      const left = Buffer.alloc(length);
      durable.copy(left);
      for (let at = 0; at < length; at += SECTOR)
        if (this.#random.chance(0.5)) cached.copy(left, at, at, Math.min(at + SECTOR, length));
      file.durable = left;
      file.cached = left;
    }
  }

  /** The port of one life of the machine. */
  files(life: Life): Files {
    const later = (work: () => void): void =>
      void this.#time.inLife(life, this.#time.nowMs + this.#random.fraction() * 2, () => {
        if (this.#isHanging) this.#hanging.push(() => later(work));
        else work();
      });
    const noSpace = (): EterneError => new EterneError('no-space', 'disk full');
    const handleOf = (file: File): FileHandle => ({
      get sizeBytes() {
        return file.cached.length;
      },
      readAt: (offset, length, done) => later(() => done(file.cached.subarray(offset, offset + length))),
      writeAt: (offset, from, done) => {
        const copy = Buffer.from(from);
        later(() => {
          const whole = Buffer.alloc(Math.max(file.cached.length, offset + copy.length));
          file.cached.copy(whole);
          copy.copy(whole, offset, 0, this.full ? copy.length >> 1 : copy.length);
          file.cached = whole;
          done(this.full ? noSpace() : undefined);
        });
      },
      truncate: (size, done) =>
        later(() => {
          file.cached = file.cached.subarray(0, size);
          done(undefined);
        }),
      sync: (done) =>
        later(() => {
          this.syncs += 1;
          file.durable = file.cached;
          done(undefined);
        }),
      close: (done) => later(done),
    });
    return {
      openFile: (path, done) =>
        later(() => {
          const file = this.#files.get(path);
          done(file ? handleOf(file) : new EterneError('not-found', path));
        }),
      readFile: (path, done) => later(() => done(this.#files.get(path)?.cached)),
      writeFileAtomic: (path, content, _mode, done) => {
        const copy = Buffer.from(content);
        later(() => {
          if (!this.full) this.#files.set(path, { durable: copy, cached: copy });
          done(this.full ? noSpace() : undefined);
        });
      },
      remove: (path, done) =>
        later(() => {
          this.#files.delete(path);
          done(undefined);
        }),
      list: (_folder, done) => later(() => done([...this.#files.keys()])),
      makeFolder: (_path, done) => later(() => done(undefined)),
      realPath: (path, done) => later(() => done(path)),
    };
  }
}
