import type { Clock, Timer, Timers } from '@eterne/runtime';

export interface LeaseOwner {
  /** The lease has lapsed: hold everything. */
  lapsed(): void;
  /** It is valid, again or still; also called when the lapse was noticed only by a reply that was withheld. */
  renewed(): void;
  /** The grace is over: the term ends here, whatever happens elsewhere. */
  expired(): void;
}

const NEVER_GRANTED = Number.NEGATIVE_INFINITY;
const UNLIMITED = Number.POSITIVE_INFINITY;

/**
 * The right to serve, on this node's boot clock. Before the first `extend` either nothing may be served (`isRequired`: a cluster
 * granted the term) or there is no limit (standalone). Timers may fire late (a
 * paused process), so `isValid` asks the clock itself: it is what replies are gated by.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #owner: LeaseOwner;
  #validUntilBootMs: number;
  #graceMs = 0;
  #timer: Timer | undefined;
  #hasLapsed = false;
  #isOver = false;

  constructor(clock: Clock, timers: Timers, isRequired: boolean, owner: LeaseOwner) {
    this.#validUntilBootMs = isRequired ? NEVER_GRANTED : UNLIMITED;
    this.#clock = clock;
    this.#timers = timers;
    this.#owner = owner;
  }

  get isValid(): boolean {
    if (this.#hasLapsed || this.#isOver) return false;
    return this.#validUntilBootMs === UNLIMITED || this.#clock.bootMs() < this.#validUntilBootMs;
  }

  /** A shorter lease than the present one changes nothing: it was granted earlier. */
  extend(validUntilBootMs: number, graceMs: number): void {
    const isFirst = !Number.isFinite(this.#validUntilBootMs);
    if (this.#isOver || (!isFirst && validUntilBootMs <= this.#validUntilBootMs)) return;
    // A process that was paused beyond the grace may find this extension before its timer: too late.
    if (!isFirst && this.#clock.bootMs() >= this.#validUntilBootMs + this.#graceMs) return this.#expire();
    this.#validUntilBootMs = validUntilBootMs;
    this.#graceMs = graceMs;
    this.#watch();
    if (this.isValid) this.#owner.renewed();
  }

  end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #watch(): void {
    this.#timer?.cancel();
    const leftMs = this.#validUntilBootMs - this.#clock.bootMs();
    if (leftMs + this.#graceMs <= 0) return this.#expire();
    const lapsed = leftMs <= 0;
    this.#timer = this.#timers.after(lapsed ? leftMs + this.#graceMs : leftMs, () => this.#watch());
    if (lapsed && !this.#hasLapsed) this.#owner.lapsed();
    this.#hasLapsed = lapsed;
  }

  #expire(): void {
    this.end();
    this.#owner.expired();
  }
}
