/** The transport of production: TCP (in TLS when the node has an identity), authenticated by the cluster key. Byte by byte in docs/internals/raft.md. */
import type { EterneError } from '@eterne/base';
import { Bindings, type Address, type Listener, type Stream } from '@eterne/runtime';
import { Drops, type DropCounts, type DropReason } from '../../heart/drops.ts';
import type { MemberId } from '../types.ts';
import { InboundLink } from './inbound.ts';
import type { LinkOptions } from './outbound.ts';
import { OutboundLink } from './outbound.ts';
import type { RaftTransport } from './port.ts';

const INBOUND_MAX = 256;
/** A member not written to for so long (it was removed) is let go. */
const IDLE_MS = 60_000;
/** How often such are looked for. */
const TIDY_MS = 10_000;

/** Listens on every address that can be bound; calls back with an error when none can. */
export function openTcpTransport(
  options: LinkOptions,
  listenOn: readonly Address[],
  done: (result: TcpTransport | EterneError) => void,
): void {
  const transport = new TcpTransport(options);
  transport.listen(listenOn, (error) => {
    if (error) transport.close();
    done(error ?? transport);
  });
}

export class TcpTransport implements RaftTransport {
  readonly #options: LinkOptions;
  readonly #given: LinkOptions['addressesOf'];
  readonly #listeners: Bindings<Listener>;
  readonly #inbound = new Set<InboundLink>();
  /** By which each member sent last. */
  readonly #newest = new Map<MemberId, InboundLink>();
  readonly #drops = new Drops();
  readonly #outbound = new Map<MemberId, { readonly link: OutboundLink; usedMs: number }>();
  #onMessage: (from: MemberId, message: Buffer) => void = () => {};
  #onGone: (from: MemberId) => void = () => {};
  #closed = false;
  #tidiedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LinkOptions) {
    this.#given = options.addressesOf;
    this.#options = { ...options, addressesOf: (member) => this.#addressesOf(member) };
    const { network, timers, log } = options.world;
    this.#listeners = new Bindings<Listener>(
      timers,
      (address, done) =>
        network.listen(
          address,
          (stream) => this.#accept(stream),
          done,
          options.tls,
          () => this.#drops.count('forged'),
        ),
      (address, error) => log('warn', `the log does not listen at ${address}: ${error.message}`),
    );
  }

  /** What was not believed since the start: connections by how far they came, messages. */
  get dropped(): DropCounts {
    return this.#drops.counts;
  }

  /** What was taken from a member's connection turns out not to be believable. */
  drop(reason: DropReason): void {
    this.#drops.count(reason);
  }

  /** Bound addresses, in the order asked for. */
  get addresses(): readonly Address[] {
    return this.#listeners.bound.map(({ address }) => address);
  }

  listen(addresses: readonly Address[], done: (error: EterneError | undefined) => void): void {
    this.#listeners.open(addresses, done);
  }

  /** This node's addresses from now on. Connections that came by others end when whoever dialled them hears of it too. */
  relisten(addresses: readonly Address[]): void {
    if (!this.#closed) this.#listeners.configure(addresses);
  }

  #accept(stream: Stream): void {
    if (this.#closed || this.#inbound.size >= INBOUND_MAX) return stream.destroy();
    const link: InboundLink = new InboundLink(
      this.#options,
      stream,
      this.#drops,
      (from, message) => {
        this.#outbound.get(from)?.link.heard();
        if (this.#newest.get(from) !== link) this.#replaceBy(link, from);
        this.#onMessage(from, message);
      },
      (from) => this.#ended(link, from),
    );
    this.#inbound.add(link);
    return undefined;
  }

  /** A member sends by one connection at a time: of an older one it is not known here that it is over, as after a power cut, and nothing would ever tell. */
  #replaceBy(link: InboundLink, from: MemberId): void {
    this.#newest.set(from, link);
    for (const other of this.#inbound) if (other !== link && other.from === from) other.close();
  }

  #ended(link: InboundLink, from: MemberId | undefined): void {
    this.#inbound.delete(link);
    if (from !== undefined && this.#newest.get(from) === link) this.#newest.delete(from);
    const others = [...this.#inbound].some((other) => other.from === from);
    if (from !== undefined && !others && !this.#closed) this.#onGone(from);
  }

  send(to: MemberId, message: Buffer): void {
    if (this.#closed) return;
    const nowMs = this.#options.world.clock.bootMs();
    if (nowMs - this.#tidiedMs >= TIDY_MS) this.#dropIdle(nowMs);
    let entry = this.#outbound.get(to);
    if (!entry) {
      entry = { link: new OutboundLink(this.#options, to, this.#drops), usedMs: nowMs };
      this.#outbound.set(to, entry);
    }
    entry.usedMs = nowMs;
    for (const link of this.#inbound) if (link.from === to) link.confirmWith();
    entry.link.send(message);
  }

  /**
   * Where he was told to be, and where he dials from, at the port that this node listens at itself. So who joins, or was away while another machine came in
   * the place of one that he knows, can answer a leader before the log has told him of it.
   */
  #addressesOf(member: MemberId): readonly Address[] {
    const told = this.#given(member);
    const [own] = this.addresses;
    if (own === undefined) return told;
    const port = own.slice(own.lastIndexOf(':'));
    const from = [...this.#inbound].filter((link) => link.from === member);
    return [...new Set([...told, ...from.map(({ remoteHost }) => `${remoteHost}${port}`)])];
  }

  #dropIdle(nowMs: number): void {
    this.#tidiedMs = nowMs;
    for (const [id, { link, usedMs }] of this.#outbound) {
      if (nowMs - usedMs < IDLE_MS) continue;
      this.#outbound.delete(id);
      link.close();
    }
  }

  onMessage(listener: (from: MemberId, message: Buffer) => void): void {
    this.#onMessage = listener;
  }

  onGone(listener: (from: MemberId) => void): void {
    this.#onGone = listener;
  }

  close(): void {
    this.#closed = true;
    this.#listeners.close();
    for (const link of this.#inbound) link.close();
    for (const { link } of this.#outbound.values()) link.close();
    this.#outbound.clear();
  }
}
