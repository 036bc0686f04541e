/**
 * Tells the disk process how long each volume may be served: at every renewal, and again whenever the disk process comes back. When the
 * heart falls silent the volumes lapse by themselves.
 */
import { EterneError } from '@eterne/base';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import type { Timers } from '@eterne/runtime';
import { RECONNECT_INTERVAL_MS } from '../node/link.ts';
import type { Lease } from './lease-client.ts';

export type ConnectDisk = (done: (result: DiskPort | EterneError) => void) => void;

export class DiskLeases {
  readonly #timers: Timers;
  readonly #connectDisk: ConnectDisk;
  #port: DiskPort | undefined;
  #leases: ReadonlyMap<string, Lease> = new Map();

  constructor(timers: Timers, connectDisk: ConnectDisk) {
    this.#timers = timers;
    this.#connectDisk = connectDisk;
    this.#connect();
  }

  leased(leases: ReadonlyMap<string, Lease>): void {
    this.#leases = leases;
    this.#tell();
  }

  #tell(): void {
    for (const { volumes, validUntilBootMs, graceMs } of this.#leases.values())
      for (const volume of volumes) this.#port?.setLease(volume, { validUntilBootMs, graceMs });
  }

  #connect(): void {
    this.#connectDisk((port) => {
      if (port instanceof EterneError) return this.#connectLater();
      this.#port = port;
      port.onClose(() => {
        this.#port = undefined;
        this.#connectLater();
      });
      this.#tell();
    });
  }

  #connectLater(): void {
    this.#timers.after(RECONNECT_INTERVAL_MS, () => this.#connect());
  }
}
