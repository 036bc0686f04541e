/**
 * The heart as the service and the monitor see it, over its unix socket. Connects again whenever the heart was restarted, and then says
 * again what the heart must know.
 */
import { LinkClient, type LinkWorld } from '../node/link.ts';
import type { HeartPort, LeaseGrant, LeaseRequest, WatchdogReport } from '../ports.ts';
import type { WatchdogSpec } from '../state/model.ts';
import type { Registration } from './guard.ts';
import type { Lease } from './lease-client.ts';
import type { FromHeart, HeartTopic, ToHeart } from './messages.ts';
import type { HeartSetup } from './setup.ts';

type LivenessListener = Parameters<HeartPort['onLiveness']>[0];

export class HeartClient implements HeartPort {
  readonly #link: LinkClient;
  readonly #topics = new Set<HeartTopic>();
  readonly #livenessListeners: LivenessListener[] = [];
  readonly #requestListeners: ((request: LeaseRequest) => void)[] = [];
  readonly #leaseListeners: ((leases: ReadonlyMap<string, Lease>) => void)[] = [];
  readonly #watchdogListeners: ((report: WatchdogReport) => void)[] = [];
  #watchdog: WatchdogSpec | null | undefined;
  #setup: HeartSetup | undefined;
  #registrations: readonly Registration[] | undefined;
  #leases: ReadonlyMap<string, Lease> = new Map();

  constructor(world: LinkWorld, address: string) {
    this.#link = new LinkClient(world, address, {
      onUp: () => this.#introduce(),
      onDown: () => {},
      onNote: (_name, body) => this.#hear(body as FromHeart),
    });
    this.#link.open();
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  onLiveness(listener: LivenessListener): void {
    this.#livenessListeners.push(listener);
    this.#subscribe('liveness');
  }

  onLeaseRequest(listener: (request: LeaseRequest) => void): void {
    this.#requestListeners.push(listener);
    this.#subscribe('requests');
  }

  onLease(listener: (leases: ReadonlyMap<string, Lease>) => void): void {
    this.#leaseListeners.push(listener);
    this.#subscribe('leases');
  }

  grant(grant: LeaseGrant): void {
    this.#say({ note: 'grant', grant });
  }

  configure(setup: HeartSetup): void {
    this.#setup = setup;
    this.#say({ note: 'setup', setup });
  }

  /** Everything started on this node: the heart kills it too when its lease lapses. */
  register(registrations: readonly Registration[]): void {
    this.#registrations = registrations;
    this.#say({ note: 'register', registrations });
  }

  setWatchdog(spec: WatchdogSpec | null): void {
    this.#watchdog = spec;
    this.#say({ note: 'want-watchdog', spec });
  }

  onWatchdog(listener: (report: WatchdogReport) => void): void {
    this.#watchdogListeners.push(listener);
    this.#subscribe('watchdog');
  }

  close(): void {
    this.#link.close();
  }

  /** The leases first: a restarted heart must not take what is registered for unleased. */
  #introduce(): void {
    if (this.#leases.size > 0) this.#say({ note: 'recall', leases: [...this.#leases] });
    if (this.#setup) this.#say({ note: 'setup', setup: this.#setup });
    if (this.#registrations) this.#say({ note: 'register', registrations: this.#registrations });
    if (this.#watchdog !== undefined) this.#say({ note: 'want-watchdog', spec: this.#watchdog });
    if (this.#topics.size > 0) this.#say({ note: 'subscribe', topics: [...this.#topics] });
  }

  #subscribe(topic: HeartTopic): void {
    this.#topics.add(topic);
    this.#say({ note: 'subscribe', topics: [...this.#topics] });
  }

  #say(message: ToHeart): void {
    this.#link.note('heart', message);
  }

  #hear(message: FromHeart): void {
    switch (message.note) {
      case 'liveness':
        for (const listener of this.#livenessListeners)
          listener(new Set(message.alive), message.paths, message.dropped);
        return;
      case 'request':
        for (const listener of this.#requestListeners) listener(message.request);
        return;
      case 'watchdog':
        for (const listener of this.#watchdogListeners) listener(message.report);
        return;
      case 'leases':
        this.#leases = new Map(message.leases);
        for (const listener of this.#leaseListeners) listener(this.#leases);
        return;
    }
  }
}
