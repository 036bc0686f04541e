/**
 * Nothing starts without a lease: the service may be told of a lease a moment before the monitor, so that a start waits for it.
 */
import type { Timer, World } from '@eterne/runtime';
import type { Lease } from '../heart/lease-client.ts';

interface Waiting {
  readonly group: string;
  readonly epoch: number;
  readonly pass: (isLeased: boolean) => void;
  readonly timer: Timer;
}

export class LeaseGate {
  readonly #world: Pick<World, 'clock' | 'timers'>;
  readonly #waiting = new Set<Waiting>();
  #leases: ReadonlyMap<string, Lease> = new Map();

  constructor(world: Pick<World, 'clock' | 'timers'>) {
    this.#world = world;
  }

  leased(leases: ReadonlyMap<string, Lease>): void {
    this.#leases = leases;
    for (const waiting of this.#waiting)
      if (this.isOpen(waiting.group, waiting.epoch)) this.#end(waiting, true);
  }

  /** Does this node hold a live lease of the group, for this ownership or a newer one? */
  isOpen(group: string, epoch: number): boolean {
    const lease = this.#leases.get(group);
    return lease !== undefined && lease.epoch >= epoch && lease.validUntilBootMs > this.#world.clock.bootMs();
  }

  /** Calls back with true as soon as it is open, with false when it was not within `timeoutMs`. */
  pass(group: string, epoch: number, timeoutMs: number, pass: (isLeased: boolean) => void): void {
    if (this.isOpen(group, epoch)) return pass(true);
    const timer = this.#world.timers.after(timeoutMs, () => this.#end(waiting, false));
    const waiting: Waiting = { group, epoch, pass, timer };
    this.#waiting.add(waiting);
  }

  #end(waiting: Waiting, isLeased: boolean): void {
    this.#waiting.delete(waiting);
    waiting.timer.cancel();
    waiting.pass(isLeased);
  }
}
