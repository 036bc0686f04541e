/**
 * What the leader has granted, and when the last right of a node ends for certain.
 *
 * Why the bound holds: a lease runs for `durationMs` from the moment the heart *sent* its request, which was before the leader
 * received it; so it ends, in true time, before reception + duration, however much later it is granted. Leases of earlier leaders ended when their authority did, and
 * that was before this leader was elected. Grace and margin come on top: after them disk, monitor and heart have each ended
 * what the node ran.
 */
import type { HeardRequest } from './requests.ts';
import type { CurrentTiming, ServiceTiming } from '../timing.ts';

export class LeaseBook {
  readonly #electedAtBootMs: number;
  readonly #endsBootMs = new Map<string, number>();

  constructor(electedAtBootMs: number) {
    this.#electedAtBootMs = electedAtBootMs;
  }

  /** Length of the lease to grant, or 0 when the leader's own authority carries none, or too little of it would be left. */
  grant(
    { request, receivedBootMs }: HeardRequest,
    nowBootMs: number,
    authorityUntilBootMs: number,
    timing: ServiceTiming,
  ): number {
    const durationMs = Math.floor(Math.min(timing.leaseMs, authorityUntilBootMs - receivedBootMs));
    const end = receivedBootMs + durationMs;
    if (!(end - nowBootMs > timing.leaseReserveMs)) return 0;
    this.#endsBootMs.set(request.node, Math.max(end, this.#endsBootMs.get(request.node) ?? end));
    return durationMs;
  }

  /** From here on `node` holds no lease that it has not been granted anew. */
  lastEndBootMs(node: string): number {
    return Math.max(this.#electedAtBootMs, this.#endsBootMs.get(node) ?? Number.NEGATIVE_INFINITY);
  }

  /** From here on `node` runs nothing that it has not been granted anew. */
  provenGoneBootMs(node: string, timing: CurrentTiming): number {
    return this.lastEndBootMs(node) + timing.goneGraceMs + timing.marginMs;
  }

  /** What is left of the newest lease of `node`; null when this leader has granted none. */
  remainingMs(node: string, nowBootMs: number): number | null {
    const end = this.#endsBootMs.get(node);
    return end === undefined ? null : Math.max(0, end - nowBootMs);
  }
}
