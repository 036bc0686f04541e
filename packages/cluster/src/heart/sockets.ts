/** The sockets of a heart, one per address of this node. Of one that cannot be bound its paths say why they are down. */
import type { EterneError } from '@eterne/base';
import { Bindings, type Address, type DatagramSocket, type World } from '@eterne/runtime';

export class HeartSockets {
  readonly #bindings: Bindings<DatagramSocket>;

  constructor(
    { network, timers, log }: Pick<World, 'network' | 'timers' | 'log'>,
    onDatagram: (payload: Buffer, local: Address, from: Address) => void,
  ) {
    this.#bindings = new Bindings<DatagramSocket>(
      timers,
      (address, done) =>
        network.datagram(
          address,
          (payload, from) => onDatagram(payload, this.#bindings.at(address)?.address ?? address, from),
          done,
        ),
      (address, error) => log('warn', `no heartbeats at ${address}: ${error.message}`),
    );
  }

  /** Calls back when each of the addresses is bound or has failed once; with an error when none could be bound: such a heart hears nobody. */
  open(addresses: readonly Address[], done: (error: EterneError | undefined) => void): void {
    this.#bindings.open(addresses, done);
  }

  configure(addresses: readonly Address[]): void {
    this.#bindings.configure(addresses);
  }

  /** With real ports. */
  get bound(): readonly Address[] {
    return this.#bindings.bound.map(({ address }) => address);
  }

  /** Why nothing is sent from or heard at `local`: a sentence. */
  trouble(local: Address): string | undefined {
    return this.#bindings.trouble(local);
  }

  send(local: Address, remote: Address, payload: Buffer): void {
    this.#bindings.at(local)?.send(remote, payload);
  }

  close(): void {
    this.#bindings.close();
  }
}
