/**
 * The demonstration's client: posts records all the time from several workers and keeps the receipt of each one acknowledged.
 * What fails is tried again as a new record: the client never knows whether the old one was written, and does not count it.
 */
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { callHttp } from '@eterne/runtime/node/http.ts';
import type { Receipt } from './ledger/ledger.ts';

export interface Acknowledged extends Receipt {
  readonly payload: string;
}

const WORKERS = 8;
const REQUEST_TIMEOUT_MS = 1000;
const RETRY_MS = 20;

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  /** Longest time without any acknowledgement since `markOutage`. */
  #outageMs = 0;
  #lastAckMs: number;
  #stopping = false;
  readonly #world: Pick<World, 'clock' | 'timers'>;
  readonly #address: string;
  readonly #done: Promise<unknown>;

  constructor(world: Pick<World, 'clock' | 'timers'>, address: string) {
    this.#world = world;
    this.#address = address;
    this.#lastAckMs = world.clock.bootMs();
    this.#done = Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)));
  }

  /** Forgets earlier gaps: the next figure of `outageMs` counts from here. */
  markOutage(): void {
    this.#outageMs = 0;
  }

  get outageMs(): number {
    return Math.round(this.#outageMs);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #work(worker: number): Promise<void> {
    for (let turn = 0; !this.#stopping; turn += 1) {
      const payload = `worker ${worker} turn ${turn}`;
      try {
        const body = { payload };
        const receipt = await callHttp(this.#address, {
          method: 'POST',
          path: '/records',
          body,
          timeoutMs: REQUEST_TIMEOUT_MS,
        });
        this.#count({ ...(receipt as Receipt), payload });
      } catch (error) {
        if (!(error instanceof EterneError)) throw error;
        await new Promise<void>((resolve) => this.#world.timers.after(RETRY_MS, resolve));
      }
    }
  }

  #count(record: Acknowledged): void {
    const nowMs = this.#world.clock.bootMs();
    this.#outageMs = Math.max(this.#outageMs, nowMs - this.#lastAckMs);
    this.#lastAckMs = nowMs;
    this.acknowledged.push(record);
  }
}
