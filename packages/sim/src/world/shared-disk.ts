import { assert } from '@eterne/base';
import { SHARED_SECTOR_BYTES, type SharedDisks } from '@eterne/runtime';
import type { SimProcess } from './process.ts';
import type { Universe } from './universe.ts';

const SIZE_BYTES = 64 * 1024;
const QUICK_MS = [0.2, 4] as const;
/** Now and then an access takes very long. */
const SLOW_MS = [50, 1500] as const;
const SLOW_SHARE = 0.01;

/**
 * A disk that several machines reach. A sector changes at one moment between a write's begin and its end, and each sector of a read is looked at by
 * itself; of a writer that dies on the way the disk has all, half or nothing.
 */
export class SimSharedDisk {
  private readonly universe: Universe;
  private readonly content = Buffer.alloc(SIZE_BYTES);

  constructor(universe: Universe) {
    this.universe = universe;
  }

  /** Before anybody lives. */
  install(offset: number, bytes: Buffer): void {
    bytes.copy(this.content, offset);
  }

  /** For checkers. */
  peek(lengthBytes: number): Buffer {
    return Buffer.from(this.content.subarray(0, lengthBytes));
  }

  portFor(process: SimProcess): SharedDisks {
    const { random } = process.node;
    const access = (offset: number, lengthBytes: number, touch: (at: number) => void): number => {
      assert(offset % SHARED_SECTOR_BYTES === 0 && lengthBytes % SHARED_SECTOR_BYTES === 0, 'whole sectors');
      const [least, most] = random.chance(SLOW_SHARE) ? SLOW_MS : QUICK_MS;
      const took = random.between(least, most);
      for (let at = offset; at < offset + lengthBytes; at += SHARED_SECTOR_BYTES)
        this.universe.scheduler.after(took * random.unit(), () => touch(at));
      return took;
    };
    return {
      open: (_path, done) =>
        process.later(0, () =>
          done({
            read: (offset, lengthBytes, finished) => {
              const result = Buffer.alloc(lengthBytes);
              const took = access(offset, lengthBytes, (at) =>
                this.content.copy(result, at - offset, at, at + SHARED_SECTOR_BYTES),
              );
              process.later(took, () => finished(result));
            },
            write: (offset, from, finished) => {
              const took = access(offset, from.length, (at) => {
                const keptBytes = SHARED_SECTOR_BYTES * (process.alive ? 1 : random.pick([0, 0.5, 1]));
                from.copy(this.content, at, at - offset, at - offset + keptBytes);
              });
              process.later(took, () => finished(undefined));
            },
            close: () => undefined,
          }),
        ),
    };
  }
}
