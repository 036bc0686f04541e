/**
 * The owner's side of the leases: numbers its requests, matches grants to them, keeps how long each group may run. Pure; times are ms of
 * this node's boot clock.
 *
 * 1. A grant counts only for a request of this very session: a grant never crosses a restart of the machine or of the heart.
 * 2. A lease runs from when its request was *sent*, by our own record of that time, not by what the grant says.
 * 3. A lease is only ever lengthened, and never by a grant for an older epoch of the group.
 */
import type { LeaseEntry, LeaseGrantBody } from './wire/lease-grant.ts';
import type { LeaseRequestBody } from './wire/lease-request.ts';

/** A grant for an older request than the newest so many is late beyond use. */
const REQUESTS_KEPT = 32;
/** Groups on one node; more are refused by the configuration. */
const LEASES_MAX = 1024;

export interface Lease {
  readonly epoch: number;
  readonly validUntilBootMs: number;
  readonly graceMs: number;
  readonly volumes: readonly string[];
}

export class LeaseClient {
  readonly #session: string;
  readonly #leases = new Map<string, Lease>();
  /** Sent times by request number, oldest first. */
  readonly #sentAtMs = new Map<number, number>();
  #nextNumber = 1;

  constructor(session: string) {
    this.#session = session;
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases;
  }

  /** Takes note of a request that is sent now. */
  request(nowMs: number): LeaseRequestBody {
    const number = this.#nextNumber++;
    const sentAtUs = Math.floor(nowMs * 1000);
    this.#sentAtMs.set(number, sentAtUs / 1000);
    this.#sentAtMs.delete(number - REQUESTS_KEPT);
    return { number, sentAtUs };
  }

  /** The entries that now last longer. Undefined: the grant answers nothing of ours. */
  grant(grant: LeaseGrantBody): readonly LeaseEntry[] | undefined {
    const sentAtMs = grant.session === this.#session ? this.#sentAtMs.get(grant.number) : undefined;
    if (sentAtMs === undefined) return undefined;
    return grant.entries.filter((entry) => this.#extend(entry, sentAtMs + grant.durationMs, grant.graceMs));
  }

  /** What a monitor still knew of a lease that our predecessor was granted. */
  recall(group: string, lease: Lease): void {
    this.#extend(
      { group, epoch: lease.epoch, volumes: lease.volumes },
      lease.validUntilBootMs,
      lease.graceMs,
    );
  }

  /** Leases whose grace has ended too are forgotten: nothing hangs on them any more. */
  forgetLapsed(nowMs: number): void {
    for (const [group, lease] of this.#leases)
      if (lease.validUntilBootMs + lease.graceMs < nowMs) this.#leases.delete(group);
  }

  #extend(entry: LeaseEntry, validUntilBootMs: number, graceMs: number): boolean {
    const { group, epoch, volumes } = entry;
    const old = this.#leases.get(group);
    if (old === undefined && this.#leases.size >= LEASES_MAX) return false;
    if (old !== undefined && epoch < old.epoch) return false;
    if (old?.epoch === epoch && validUntilBootMs < old.validUntilBootMs) return false;
    const known = old?.epoch === epoch ? old.volumes : [];
    const joined = [...new Set([...known, ...volumes])];
    this.#leases.set(group, { epoch, validUntilBootMs, graceMs, volumes: joined });
    return true;
  }
}
