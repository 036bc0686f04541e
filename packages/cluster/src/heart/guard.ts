/**
 * Decides when a group's processes must die because its lease has lapsed. Pure; times are ms of this node's boot clock. Heart and monitor
 * each run one, over the same registrations and leases, and each acts alone.
 *
 *   guarded ──lease + grace over──► condemned ──all its processes gone──► (forgotten)
 *
 * A condemned process stays condemned: a new lease is for those that are started under it.
 */
import { UNKNOWN_LEASE_MS } from './timing.ts';

export interface GuardedProcess {
  readonly pid: number;
  /** Kernel start time: with the pid unique until reboot. */
  readonly startTime: string;
}

/** What belongs to one started resource. */
export interface Registration {
  readonly group: string;
  readonly resource: string;
  readonly processes: readonly GuardedProcess[];
  /** `NAME=value` in the environment of every process of it, also of those that left its process group. */
  readonly mark: string;
}

export class Guard {
  readonly #deadlines = new Map<string, number>();
  /** Groups whose deadline stands for a lease that is not known yet. */
  readonly #assumed = new Set<string>();
  #registrations: readonly Registration[] = [];
  #condemned = new Map<string, Registration>();

  /**
   * Everything that is started on this node now; replaces what was registered before. `deadlineOf` knows the leases: until
   * when a group may run, grace included.
   */
  register(
    registrations: readonly Registration[],
    deadlineOf: (group: string) => number | undefined,
    nowMs: number,
  ): void {
    this.#registrations = registrations;
    for (const { group } of registrations) {
      if (this.#deadlines.has(group)) continue;
      const deadline = deadlineOf(group);
      if (deadline === undefined) this.#assumed.add(group);
      this.#deadlines.set(group, deadline ?? nowMs + UNKNOWN_LEASE_MS);
    }
    const groups = new Set(registrations.map(({ group }) => group));
    for (const group of this.#deadlines.keys()) if (!groups.has(group)) this.#forget(group);
  }

  /** The right of `group` to run ends at `deadlineMs`, grace included. Only ever later than a lease known before. */
  extend(group: string, deadlineMs: number): void {
    const known = this.#deadlines.get(group);
    if (known === undefined) return;
    if (this.#assumed.delete(group) || deadlineMs > known) this.#deadlines.set(group, deadlineMs);
  }

  /** When `condemn` has something to do next; Infinity when nothing is guarded. */
  get nextDeadlineMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#deadlines.values());
  }

  /** The groups whose time is up. Their processes are in `condemned` from now on. */
  condemn(nowMs: number): readonly string[] {
    const groups = [...this.#deadlines].filter(([, deadline]) => deadline <= nowMs).map(([group]) => group);
    for (const group of groups) this.condemnGroup(group);
    return groups;
  }

  condemnGroup(group: string): void {
    this.#forget(group);
    for (const registration of this.#registrations)
      if (registration.group === group) this.#condemned.set(registration.mark, registration);
    this.#registrations = this.#registrations.filter((kept) => kept.group !== group);
  }

  #forget(group: string): void {
    this.#deadlines.delete(group);
    this.#assumed.delete(group);
  }

  /** To be killed, again and again, until they are gone. */
  get condemned(): readonly Registration[] {
    return [...this.#condemned.values()];
  }

  gone(registration: Registration): void {
    this.#condemned.delete(registration.mark);
  }
}
