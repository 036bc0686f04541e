/**
 * Whether this node has kept its word: what its rights had ended for is gone, processes, addresses and mounts. Pure; times are ms of this node's
 * boot clock. While it has not, the watchdog gets no food (`watchdog.ts`).
 *
 * A group is overdue `CLEAR_ALLOWANCE_MS` after lease and grace are over, as long as the monitor still has something of it on record (which it
 * has when it is stopped itself, or cannot take an address or a mount away) or a condemned process lives.
 */
import type { Lease } from './lease-client.ts';
import { UNKNOWN_LEASE_MS } from './timing.ts';

/** To kill and to take away what outlives processes. Part of what a take-over waits for. */
export const CLEAR_ALLOWANCE_MS = 1000;

export class Vigil {
  /** Group on record → when its right ends, grace included. */
  readonly #deadlines = new Map<string, number>();
  #killingSinceMs: number | undefined;

  /** All groups that the monitor has on record. */
  register(groups: ReadonlySet<string>, leases: ReadonlyMap<string, Lease>, nowMs: number): void {
    for (const group of this.#deadlines.keys()) if (!groups.has(group)) this.#deadlines.delete(group);
    for (const group of groups)
      if (!this.#deadlines.has(group)) this.#deadlines.set(group, nowMs + UNKNOWN_LEASE_MS);
    this.leased(leases);
  }

  leased(leases: ReadonlyMap<string, Lease>): void {
    for (const [group, { validUntilBootMs, graceMs }] of leases) {
      const known = this.#deadlines.get(group);
      if (known !== undefined) this.#deadlines.set(group, Math.max(known, validUntilBootMs + graceMs));
    }
  }

  /** Why the watchdog gets no food now: a sentence. Undefined: it does. */
  overdue(isKilling: boolean, nowMs: number): string | undefined {
    this.#killingSinceMs = isKilling ? (this.#killingSinceMs ?? nowMs) : undefined;
    for (const [group, deadline] of this.#deadlines)
      if (nowMs > deadline + CLEAR_ALLOWANCE_MS)
        return `group ${group} is still here although its lease is over`;
    if (this.#killingSinceMs !== undefined && nowMs > this.#killingSinceMs + CLEAR_ALLOWANCE_MS)
      return 'a condemned process does not die';
    return undefined;
  }

  /** Nothing is here that a right could end for. */
  get isIdle(): boolean {
    return this.#deadlines.size === 0 && this.#killingSinceMs === undefined;
  }
}
