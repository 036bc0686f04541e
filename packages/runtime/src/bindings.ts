/**
 * What a daemon binds on this node's addresses: sockets, listeners. Addresses come and go while it runs; one that cannot be bound is tried again until
 * it can, or is not wanted any more. Whoever owns it says how one is bound.
 *
 *   wanted ──bound──► bound ──not wanted──► closed
 *     ▲ └─cannot be──► in trouble ──after REBIND_MS──┐
 *     └──────────────────────────────────────────────┘
 */
import { EterneError } from '@eterne/base';
import type { Address, Timer, Timers } from './ports.ts';

const REBIND_MS = 1000;

export interface Bindable {
  /** With the real port. */
  readonly address: Address;
  close(): void;
}

export type Bind<Bound extends Bindable> = (
  address: Address,
  done: (result: Bound | EterneError) => void,
) => void;

interface Wanted<Bound> {
  /** Undefined while it is not bound. */
  bound: Bound | undefined;
  trouble: EterneError | undefined;
  again: Timer | undefined;
}

export class Bindings<Bound extends Bindable> {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #bind: Bind<Bound>;
  readonly #onTrouble: (address: Address, error: EterneError) => void;
  /** By the address as it was asked for. */
  readonly #wanted = new Map<Address, Wanted<Bound>>();

  /** `onTrouble`: once for each reason that is new; of those that `open` answers with nobody is told. */
  constructor(
    timers: Pick<Timers, 'after'>,
    bind: Bind<Bound>,
    onTrouble: (address: Address, error: EterneError) => void,
  ) {
    this.#timers = timers;
    this.#bind = bind;
    this.#onTrouble = onTrouble;
  }

  /** Calls back when each of the addresses is bound or has failed once; with an error, and nothing wanted, when none could be bound. */
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
        for (const [asked, { trouble }] of this.#wanted) if (trouble) this.#onTrouble(asked, trouble);
        return done(undefined);
      });
  }

  /** New ones first, so that there is no moment without any. */
  configure(addresses: readonly Address[]): void {
    for (const address of addresses)
      if (this.#at(address) === undefined)
        this.#want(address, (error) => {
          if (error) this.#onTrouble(address, error);
        });
    for (const [asked, { bound }] of this.#wanted)
      if (!addresses.includes(asked) && !addresses.includes(bound?.address ?? asked)) this.#drop(asked);
  }

  /** In the order asked for. */
  get bound(): readonly Bound[] {
    return [...this.#wanted.values()].flatMap(({ bound }) => bound ?? []);
  }

  at(address: Address): Bound | undefined {
    return this.#at(address)?.bound;
  }

  /** Why nothing is bound at `address`: a sentence. */
  trouble(address: Address): string | undefined {
    return this.#at(address)?.trouble?.message;
  }

  close(): void {
    for (const asked of this.#wanted.keys()) this.#drop(asked);
  }

  #at(address: Address): Wanted<Bound> | undefined {
    const known = this.#wanted.get(address);
    return known ?? [...this.#wanted.values()].find(({ bound }) => bound?.address === address);
  }

  #drop(asked: Address): void {
    const wanted = this.#wanted.get(asked);
    this.#wanted.delete(asked);
    wanted?.again?.cancel();
    wanted?.bound?.close();
  }

  #want(address: Address, done: (error: EterneError | undefined) => void): void {
    const wanted: Wanted<Bound> = { bound: undefined, trouble: undefined, again: undefined };
    this.#wanted.set(address, wanted);
    this.#try(address, wanted, done);
  }

  #try(address: Address, wanted: Wanted<Bound>, done: (error: EterneError | undefined) => void): void {
    this.#bind(address, (result) => {
      if (this.#wanted.get(address) !== wanted)
        return result instanceof EterneError ? undefined : result.close();
      if (result instanceof EterneError) {
        const isNew = wanted.trouble !== undefined && wanted.trouble.message !== result.message;
        wanted.trouble = result;
        wanted.again = this.#timers.after(REBIND_MS, () => this.#try(address, wanted, () => {}));
        if (isNew) this.#onTrouble(address, result);
        return done(result);
      }
      wanted.bound = result;
      wanted.trouble = undefined;
      return done(undefined);
    });
  }
}
