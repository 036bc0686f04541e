/** A disk that several virtual machines reach, for tests of heartbeat disks. */
import { EterneError } from '@eterne/base';
import type { SharedDisk, SharedDisks } from '@eterne/runtime';
import { encodeBoardHeader, BOARD_END, BOARD_FROM } from '../../src/heart/wire/board.ts';
import type { VirtualWorld } from './virtual-world.ts';

export const DISK_ID = 'd1'.repeat(16);
export const CLUSTER_ID = '9d0f3f0e-5f0e-4f5e-9a3c-0c8d3b1f2a10';

export class SharedFile {
  readonly content = Buffer.alloc(BOARD_END);
  /** While true an access that begins does not end. */
  hangs = false;
  fails: string | undefined;
  accesses = 0;
  underWay = 0;
  underWayMost = 0;
  readonly #world: VirtualWorld;
  readonly #hung: (() => void)[] = [];

  constructor(world: VirtualWorld) {
    this.#world = world;
    encodeBoardHeader({ diskId: DISK_ID, clusterId: CLUSTER_ID }).copy(this.content, BOARD_FROM);
  }

  /** What hung goes on. */
  recover(): void {
    this.hangs = false;
    for (const goOn of this.#hung.splice(0)) goOn();
  }

  disks(): SharedDisks {
    const disk: SharedDisk = {
      read: (offset, length, done) =>
        this.#access(() =>
          done(this.#error() ?? Buffer.from(this.content.subarray(offset, offset + length))),
        ),
      write: (offset, from, done) =>
        this.#access(() => {
          const error = this.#error();
          if (error === undefined) from.copy(this.content, offset);
          done(error);
        }),
      close: () => {},
    };
    return { open: (_path, done) => void this.#world.machine(0).timers.after(1, () => done(disk)) };
  }

  #error(): EterneError | undefined {
    return this.fails === undefined ? undefined : new EterneError('io', this.fails);
  }

  #access(act: () => void): void {
    this.accesses += 1;
    this.underWay += 1;
    this.underWayMost = Math.max(this.underWayMost, this.underWay);
    const end = (): void => {
      this.underWay -= 1;
      act();
    };
    if (this.hangs) this.#hung.push(end);
    else this.#world.machine(0).timers.after(2, end);
  }
}
