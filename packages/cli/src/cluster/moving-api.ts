/**
 * The API of a node whose place may change: served at the new one first, then no more at the old one; connections that are open there end by themselves. What
 * cannot be bound yet is tried again, and the old place is kept meanwhile.
 */
import { EterneError } from '@eterne/base';
import type { RunningApi } from '@eterne/cluster/api/server.ts';
import type { Address, World } from '@eterne/runtime';

const RETRY_MS = 1000;

export class MovingApi {
  readonly #world: Pick<World, 'timers' | 'log'>;
  readonly #serve: (at: Address) => Promise<RunningApi>;
  #running: RunningApi | undefined;
  /** Where it is served, as it was asked for. */
  #at: Address | undefined;
  #wanted: Address;
  #isBusy = false;
  #trouble = '';

  private constructor(
    world: Pick<World, 'timers' | 'log'>,
    at: Address,
    serve: (at: Address) => Promise<RunningApi>,
  ) {
    this.#world = world;
    this.#wanted = at;
    this.#serve = serve;
  }

  /** Rejects with `io` when the first address cannot be used. */
  static async start(
    world: Pick<World, 'timers' | 'log'>,
    at: Address,
    serve: (at: Address) => Promise<RunningApi>,
  ): Promise<MovingApi> {
    const api = new MovingApi(world, at, serve);
    await api.#begin(at);
    return api;
  }

  move(to: Address): void {
    this.#wanted = to;
    if (!this.#isBusy && to !== this.#at) this.#attempt(to);
  }

  #attempt(at: Address): void {
    this.#isBusy = true;
    this.#begin(at).then(
      () => this.#settled(),
      (error: unknown) => this.#failed(error),
    );
  }

  async #begin(at: Address): Promise<void> {
    const before = this.#running;
    this.#running = await this.#serve(at);
    this.#at = at;
    this.#trouble = '';
    this.#world.log('info', 'the API is served', { address: this.#running.address });
    // It ends with its last connection, for which nobody waits.
    before
      ?.close()
      .catch((error: unknown) => this.#world.log('warn', `the API’s old place: ${String(error)}`));
  }

  #settled(): void {
    this.#isBusy = false;
    this.move(this.#wanted);
  }

  #failed(error: unknown): void {
    if (!(error instanceof EterneError)) throw error;
    if (error.message !== this.#trouble) this.#world.log('warn', error.message);
    this.#trouble = error.message;
    this.#world.timers.after(RETRY_MS, () => this.#settled());
  }
}
