/**
 * The sockets of a heart, one per address of this node. Addresses come and go while it runs; one that cannot be bound is tried again until it can, or
 * is not wanted any more, and its paths say why they are down.
 *
 *   wanted ──bound──► bound ──not wanted──► closed
 *     ▲ └─cannot be──► in trouble ──after REBIND_MS──┐
 *     └──────────────────────────────────────────────┘
 */
import { EterneError } from '@eterne/base';
import type { Address, DatagramSocket, Timer, World } from '@eterne/runtime';

const REBIND_MS = 1000;

interface Wanted {
  /** Undefined while it is not bound. */
  socket: DatagramSocket | undefined;
  trouble: string | undefined;
  again: Timer | undefined;
}

export class HeartSockets {
  readonly #world: Pick<World, 'network' | 'timers' | 'log'>;
  readonly #onDatagram: (payload: Buffer, local: Address, from: Address) => void;
  /** By the address as it was asked for. */
  readonly #wanted = new Map<Address, Wanted>();

  constructor(
    world: Pick<World, 'network' | 'timers' | 'log'>,
    onDatagram: (payload: Buffer, local: Address, from: Address) => void,
  ) {
    this.#world = world;
    this.#onDatagram = onDatagram;
  }

  /** Calls back when each of the addresses is bound or has failed once; with an error when none could be bound: such a heart hears nobody. */
  open(addresses: readonly Address[], done: (error: EterneError | undefined) => void): void {
    let left = addresses.length;
    for (const address of addresses)
      this.#want(address, (error) => {
        left -= 1;
        if (left > 0) return undefined;
        if (error && this.bound.length === 0) {
          this.close();
          return done(error);
        }
        return done(undefined);
      });
  }

  /** New ones first, so that there is no moment without any. */
  configure(addresses: readonly Address[]): void {
    for (const address of addresses) if (this.#at(address) === undefined) this.#want(address, () => {});
    for (const [asked, { socket }] of this.#wanted)
      if (!addresses.includes(asked) && !addresses.includes(socket?.address ?? asked)) this.#drop(asked);
  }

  /** With real ports. */
  get bound(): readonly Address[] {
    return [...this.#wanted.values()].flatMap(({ socket }) => socket?.address ?? []);
  }

  /** Why nothing is sent from or heard at `local`: a sentence. */
  trouble(local: Address): string | undefined {
    return this.#at(local)?.trouble;
  }

  send(local: Address, remote: Address, payload: Buffer): void {
    this.#at(local)?.socket?.send(remote, payload);
  }

  close(): void {
    for (const asked of this.#wanted.keys()) this.#drop(asked);
  }

  #at(address: Address): Wanted | undefined {
    const known = this.#wanted.get(address);
    return known ?? [...this.#wanted.values()].find(({ socket }) => socket?.address === address);
  }

  #drop(asked: Address): void {
    const wanted = this.#wanted.get(asked);
    this.#wanted.delete(asked);
    wanted?.again?.cancel();
    wanted?.socket?.close();
  }

  #want(address: Address, done: (error: EterneError | undefined) => void): void {
    const wanted: Wanted = { socket: undefined, trouble: undefined, again: undefined };
    this.#wanted.set(address, wanted);
    this.#bind(address, wanted, done);
  }

  #bind(address: Address, wanted: Wanted, done: (error: EterneError | undefined) => void): void {
    const { network, timers, log } = this.#world;
    const isWanted = (): boolean => this.#wanted.get(address) === wanted;
    network.datagram(
      address,
      (payload, from) => {
        if (isWanted()) this.#onDatagram(payload, wanted.socket?.address ?? address, from);
      },
      (result) => {
        if (!isWanted()) return result instanceof EterneError ? undefined : result.close();
        if (result instanceof EterneError) {
          if (wanted.trouble !== result.message)
            log('warn', `no heartbeats at ${address}: ${result.message}`);
          wanted.trouble = result.message;
          wanted.again = timers.after(REBIND_MS, () => this.#bind(address, wanted, () => {}));
          return done(result);
        }
        wanted.socket = result;
        wanted.trouble = undefined;
        return done(undefined);
      },
    );
  }
}
