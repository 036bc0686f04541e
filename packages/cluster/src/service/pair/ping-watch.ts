/**
 * The reference addresses as a veto: while the other node of a pair is not heard they are asked again and again, and as long as none answers this
 * node does not use the tie-breaker. They never say that it may.
 */
import type { Timer, World } from '@eterne/runtime';
import type { MonitorPort } from '../../ports.ts';

const ASK_INTERVAL_MS = 1000;

export interface PingWatchParts {
  readonly world: Pick<World, 'timers'>;
  readonly monitor: Pick<MonitorPort, 'ping'>;
  /** Empty: none are configured. */
  readonly addresses: () => readonly string[];
  /** All nodes are heard: there is nothing to doubt. */
  readonly isWhole: () => boolean;
}

export class PingWatch {
  readonly #parts: PingWatchParts;
  readonly #timer: Timer;
  #asking = false;
  #vetoed = false;

  constructor(parts: PingWatchParts) {
    this.#parts = parts;
    this.#timer = parts.world.timers.every(ASK_INTERVAL_MS, () => this.#ask());
  }

  get isVetoed(): boolean {
    return this.#vetoed;
  }

  close(): void {
    this.#timer.cancel();
  }

  #ask(): void {
    const addresses = this.#parts.addresses();
    if (addresses.length === 0 || this.#parts.isWhole()) {
      this.#vetoed = false;
      return;
    }
    if (this.#asking) return;
    this.#asking = true;
    this.#parts.monitor.ping(addresses, (reached) => {
      this.#asking = false;
      this.#vetoed = !reached;
    });
  }
}
