/** Virtual time and a virtual UDP network, for tests of hearts. */
import { EterneError } from '@eterne/base';
import type { Clock, DatagramSocket, Network, Random, Timer, Timers } from '@eterne/runtime';
import type { HeartWorld } from '../../src/heart/heart.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

export class VirtualWorld {
  nowMs = 1_000_000;
  /** Datagrams for which this says true are lost. */
  cut: (from: string, to: string) => boolean = () => false;
  latencyMs = 1;
  /** Addresses that this machine does not have. */
  readonly absent = new Set<string>();
  /** Every datagram that was sent, for replays. */
  readonly sent: { readonly from: string; readonly to: string; readonly payload: Buffer }[] = [];
  readonly #sockets = new Map<string, (payload: Buffer, from: string) => void>();
  #queue: Due[] = [];
  #order = 0;
  #seed = 1;

  /** The world of one machine whose boot clock is off by `skewMs`. */
  machine(skewMs: number): HeartWorld {
    const clock: Clock = { wallMs: () => this.nowMs, bootMs: () => this.nowMs + skewMs };
    const timers: Timers = {
      after: (delayMs, fire) => this.#at(delayMs, fire),
      every: (intervalMs, fire) => this.#every(intervalMs, fire),
      soon: (fire) => void this.#at(0, fire),
      afterEvent: (fire) => void this.#at(0, fire),
    };
    return { clock, timers, random: this.#random(), network: this.#network(), log: () => {} };
  }

  inject(to: string, payload: Buffer, from = 'injected'): void {
    this.#sockets.get(to)?.(payload, from);
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      this.#queue = this.#queue.filter((due) => !due.cancelled);
      this.#queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const [next] = this.#queue;
      if (next === undefined || next.atMs > endMs) break;
      this.#queue.shift();
      this.nowMs = next.atMs;
      next.fire();
    }
    this.nowMs = endMs;
  }

  #at(delayMs: number, fire: () => void): Timer {
    const due: Due = { atMs: this.nowMs + delayMs, order: this.#order++, fire, cancelled: false };
    this.#queue.push(due);
    return { cancel: () => void (due.cancelled = true) };
  }

  #every(intervalMs: number, fire: () => void): Timer {
    let timer: Timer;
    const next = (): void => {
      timer = this.#at(intervalMs, () => {
        next();
        fire();
      });
    };
    next();
    return { cancel: () => timer.cancel() };
  }

  #random(): Random {
    return {
      bytes: (length) => Buffer.alloc(length, this.#seed++),
      below: () => 0,
      uuid: () => `${this.#seed++}`,
    };
  }

  #network(): Network {
    const datagram: Network['datagram'] = (address, onMessage, done) => {
      if (this.absent.has(address)) {
        const error = new EterneError('not-found', `${address} is not an address of this machine`);
        return void this.#at(0, () => done(error));
      }
      this.#sockets.set(address, onMessage);
      const socket: DatagramSocket = {
        address,
        send: (to, payload) => this.#send(address, to, payload),
        close: () => void (this.#sockets.get(address) === onMessage && this.#sockets.delete(address)),
      };
      return void this.#at(0, () => done(socket));
    };
    const unused = (): never => {
      throw new Error('hearts use datagrams only');
    };
    return { listen: unused, connect: unused, secure: unused, datagram };
  }

  #send(from: string, to: string, payload: Buffer): void {
    this.sent.push({ from, to, payload });
    if (!this.cut(from, to)) this.#at(this.latencyMs, () => this.#sockets.get(to)?.(payload, from));
  }
}
