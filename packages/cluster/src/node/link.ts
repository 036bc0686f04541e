/**
 * Links between the daemons of one node: a client that never gives up, and the listening side. Both ends of a link are the same
 * program of the same user on a unix socket of mode 0600, so that what arrives is taken for what it says it is.
 */
import { EterneError } from '@eterne/base';
import { JsonLink, type JsonLinkHandler, type Listener, type Timer, type World } from '@eterne/runtime';

export const RECONNECT_INTERVAL_MS = 50;
const CONNECT_TIMEOUT_MS = 1000;
/** Calls that wait for a link to come up. */
const WAITING_MAX = 256;

export type LinkWorld = Pick<World, 'network' | 'timers'>;

export interface LinkEvents {
  /** The link is up, perhaps again: say what the other side must know. */
  onUp(): void;
  onDown(): void;
  onNote(name: string, body: unknown): void;
}

interface Waiting {
  readonly send: (link: JsonLink) => void;
  readonly fail: () => void;
  readonly timer: Timer;
}

/** Connects, and connects again within `RECONNECT_INTERVAL_MS` whenever the other side goes away. */
export class LinkClient {
  readonly #world: LinkWorld;
  readonly #address: string;
  readonly #events: LinkEvents;
  readonly #waiting = new Set<Waiting>();
  #link: JsonLink | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(world: LinkWorld, address: string, events: LinkEvents) {
    this.#world = world;
    this.#address = address;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.#link !== undefined;
  }

  open(): void {
    this.#world.network.connect(this.#address, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
      if (this.#closed) return stream instanceof EterneError ? undefined : stream.destroy();
      if (stream instanceof EterneError) return this.#retryLater();
      this.#link = new JsonLink(stream, this.#world.timers, {
        onCall: (name, _body, reply) =>
          reply({ error: new EterneError('unsupported', `${name}: this side takes no calls`) }),
        onNote: (name, body) => this.#events.onNote(name, body),
        onClose: () => this.#lost(),
      });
      this.#events.onUp();
      this.#sendWaiting();
    });
  }

  /** Lost when the link is down: what must not be lost is said again in `onUp`. */
  note(name: string, body: unknown): void {
    this.#link?.note(name, body);
  }

  /** Waits for the link, if need be, within `timeoutMs`. */
  call(
    name: string,
    body: unknown,
    timeoutMs: number,
    answer: (result: unknown, error: EterneError | undefined) => void,
  ): void {
    const send = (link: JsonLink): void => link.call(name, body, timeoutMs, answer);
    if (this.#link) return send(this.#link);
    const fail = (): void =>
      answer(undefined, new EterneError('unreachable', `${name}: ${this.#address} is down`));
    if (this.#closed || this.#waiting.size >= WAITING_MAX) return this.#world.timers.soon(fail);
    const timer = this.#world.timers.after(timeoutMs, () => {
      this.#waiting.delete(waiting);
      fail();
    });
    const waiting: Waiting = { send, fail, timer };
    this.#waiting.add(waiting);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#link?.close();
    for (const { fail, timer } of this.#waiting) {
      timer.cancel();
      fail();
    }
    this.#waiting.clear();
  }

  #sendWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { send, timer } of waiting) {
      timer.cancel();
      if (this.#link) send(this.#link);
    }
  }

  #lost(): void {
    this.#link = undefined;
    if (this.#closed) return;
    this.#events.onDown();
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retry = this.#world.timers.after(RECONNECT_INTERVAL_MS, () => this.open());
  }
}

/** One accepted link, as the listening side sees it. */
export interface AcceptedLink {
  note(name: string, body: unknown): void;
  close(): void;
}

export type AcceptLink = (link: AcceptedLink) => JsonLinkHandler;

/** Listens for links; `accept` gives each its handler. */
export function listenLinks(
  world: LinkWorld,
  address: string,
  accept: AcceptLink,
  done: (result: Listener | EterneError) => void,
): void {
  world.network.listen(
    address,
    (stream) => {
      let link: JsonLink | undefined;
      const handler = accept({
        note: (name, body) => link?.note(name, body),
        close: () => link?.close(),
      });
      link = new JsonLink(stream, world.timers, handler);
    },
    done,
  );
}
