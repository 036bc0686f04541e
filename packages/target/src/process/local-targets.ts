/** Targets served by this process: opens their LUNs, and ends cleanly. */
import { EterneError } from '@eterne/base';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import type { World } from '@eterne/runtime';
import type { TargetSpec } from '../config.ts';
import { openLun, type LunConfig, type OpenLun } from '../lun/open-lun.ts';
import { ScsiTarget } from '../scsi/scsi-target.ts';
import { TargetServer } from '../target-server.ts';

/** For so long a store is tried again that a process which has just been killed may still hold. */
const BUSY_WAIT_MS = 2_000;
const BUSY_RETRY_MS = 50;

export class LocalTargets {
  readonly server: TargetServer;
  readonly #world: World;
  readonly #alone: boolean;
  readonly #memory = new BufferSlabs();
  readonly #open: OpenLun[] = [];

  constructor(world: World, alone: boolean) {
    this.#world = world;
    this.#alone = alone;
    this.server = new TargetServer(world, this.#memory);
  }

  /** Rejects with the first LUN that cannot be opened; `close` is due then as well. */
  async open(targets: readonly TargetSpec[]): Promise<void> {
    for (const { iqn, luns, initiators, chap } of targets) {
      const units = [];
      for (const lun of luns) {
        const opened = await this.#openLun(iqn, lun, this.#world.clock.bootMs() + BUSY_WAIT_MS);
        this.#open.push(opened);
        units.push(opened.unit);
      }
      this.server.serve({ scsi: new ScsiTarget(iqn, units), initiators, chap });
    }
  }

  /** Cuts the connections, makes what was written durable, releases the stores. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(resolve));
    for (const { store, unit, journal } of this.#open) {
      await new Promise<void>((resolve) =>
        unit.sanitizer === undefined ? resolve() : unit.sanitizer.close(resolve),
      );
      await new Promise<void>((resolve) => journal.close(resolve));
      if (!unit.device.readOnly) await new Promise<void>((resolve) => store.flush(() => resolve()));
      await new Promise<void>((resolve) => store.close(resolve));
    }
  }

  #openLun(iqn: string, lun: LunConfig, untilBootMs: number): Promise<OpenLun> {
    const { clock, timers } = this.#world;
    return new Promise((resolve, reject) => {
      const attempt = (): void =>
        openLun(this.#world, this.#memory, iqn, { ...lun, alone: this.#alone }, (result) => {
          if (!(result instanceof EterneError)) return resolve(result);
          if (result.code === 'busy' && clock.bootMs() < untilBootMs) timers.after(BUSY_RETRY_MS, attempt);
          else reject(result);
        });
      attempt();
    });
  }
}
