import { EterneError } from '@eterne/base';
import { SHARED_SECTOR_BYTES, type SharedDisks } from '@eterne/runtime';
import type { Seeded } from './seeded.ts';
import type { Life, VirtualTime } from './virtual-time.ts';

const SIZE_BYTES = 128 * 1024;

/**
 * A disk that several machines reach. A sector changes at some moment between a write's begin and its end, each sector of a read is looked at on its own; of a
 * writer that dies on the way the disk may have all, nothing or half.
 */
export class VirtualSharedDisk {
  readonly #time: VirtualTime;
  readonly #random: Seeded;
  readonly #content = Buffer.alloc(SIZE_BYTES);
  latencyMs = 2;
  /** Machines that cannot reach it. */
  readonly cut = new Set<string>();

  constructor(time: VirtualTime, random: Seeded) {
    this.#time = time;
    this.#random = random;
  }

  port(machine: string, life: Life): SharedDisks {
    const failed = (): EterneError | undefined =>
      this.cut.has(machine) ? new EterneError('io', 'the shared disk cannot be reached') : undefined;
    return {
      open: (_path, done) => {
        this.#time.inLife(life, this.#time.nowMs, () =>
          done({
            read: (offset, lengthBytes, finished) => {
              const result = Buffer.alloc(lengthBytes);
              const endMs = this.#sectors(offset, lengthBytes, (at) =>
                this.#content.copy(result, at - offset, at, at + SHARED_SECTOR_BYTES),
              );
              this.#time.inLife(life, endMs, () => finished(failed() ?? result));
            },
            write: (offset, from, finished) => {
              const isLost = failed() !== undefined;
              const endMs = this.#sectors(offset, from.length, (at) => {
                const whole = life.isAlive() ? 1 : this.#random.below(3) / 2;
                const keptBytes = isLost ? 0 : SHARED_SECTOR_BYTES * whole;
                from.copy(this.#content, at, at - offset, at - offset + keptBytes);
              });
              this.#time.inLife(life, endMs, () => finished(failed()));
            },
            close: () => {},
          }),
        );
      },
    };
  }

  #sectors(offset: number, lengthBytes: number, touch: (at: number) => void): number {
    const durationMs = this.latencyMs * (0.5 + this.#random.fraction());
    for (let at = offset; at < offset + lengthBytes; at += SHARED_SECTOR_BYTES)
      this.#time.at(this.#time.nowMs + durationMs * this.#random.fraction(), () => touch(at));
    return this.#time.nowMs + durationMs;
  }
}
