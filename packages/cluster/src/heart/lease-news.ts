/**
 * Which renewals are worth telling a local daemon that only has to know when a right ends: to wake it up costs more than what it then does. A lease that
 * was told ends no later than the real one, so whoever knows an older one is early, never late. Pure.
 */
import type { Lease } from './lease-client.ts';

type Leases = ReadonlyMap<string, Lease>;

/** Of the time that a renewal gives: as long as what was told has more left than this it is not told. */
const ENOUGH_SHARE = 2 / 3;

export class LeaseNews {
  #told: Leases = new Map();

  /** Whether `leases` are to be told now; then they count as told. */
  take(leases: Leases, nowMs: number): boolean {
    const isNews =
      leases.size !== this.#told.size ||
      [...leases].some(([group, lease]) => this.#isNews(group, lease, nowMs));
    if (isNews) this.#told = new Map(leases);
    return isNews;
  }

  #isNews(group: string, lease: Lease, nowMs: number): boolean {
    const told = this.#told.get(group);
    if (told?.epoch !== lease.epoch || told.graceMs !== lease.graceMs) return true;
    if (told.volumes.join() !== lease.volumes.join()) return true;
    return told.validUntilBootMs - nowMs <= ENOUGH_SHARE * (lease.validUntilBootMs - nowMs);
  }
}
