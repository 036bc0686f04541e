/**
 * Makes the streams on which sessions with one peer run: dials, or takes what the acceptor hands over; puts TLS on it; and where the
 * dialer knows several addresses of its peer, joins one connection to each into a `PathBundle`.
 *
 * 1. The dialer says in the preface, in clear, which volume and node it is, and whether the connection begins a bundle or joins one.
 * 2. Then the acceptor speaks first, with TLS too (`secure-link.ts`).
 * 3. Only when the first connection has been answered are the others dialled; one that dies is dialled again while the bundle lives.
 * 4. Where the peer is reached may change while the bundle lives: what is new is dialled, what is not an address of its any more is left, but never
 *    as the last that works.
 */
import { isDeepStrictEqual } from 'node:util';
import { EterneError } from '@eterne/base';
import type { Address, Stream, World } from '@eterne/runtime';
import { encodePreface, type PathNote } from '../../protocol/wire.ts';
import type { VolumeConfig } from '../api.ts';
import { PathBundle } from './path-bundle.ts';
import { secureLink } from './secure-link.ts';

const CONNECT_TIMEOUT_MS = 1000;
const REDIAL_MS = 500;
const BUNDLE_ID_BYTES = 8;

type Done = (result: Stream | EterneError) => void;

/** A bundle that this side has dialled, and the addresses that it sees to. */
interface Tended {
  readonly bundle: PathBundle;
  readonly addresses: Set<Address>;
}

export class Connections {
  readonly #world: World;
  readonly #config: VolumeConfig;
  readonly #peer: string;
  #addresses: readonly Address[];
  #nextAddress = 0;
  /** The newest; earlier ones are closed, or about to be. */
  #bundle: PathBundle | undefined;
  #tended: Tended | undefined;

  constructor(world: World, config: VolumeConfig, peer: string, addresses: readonly Address[]) {
    this.#world = world;
    this.#config = config;
    this.#peer = peer;
    this.#addresses = addresses;
  }

  /** Of the dialling side. True: they are others than before, and the connection in use cannot follow: it is to be given up. */
  readdress(addresses: readonly Address[]): boolean {
    const isNew = !isDeepStrictEqual(addresses, this.#addresses);
    this.#addresses = addresses;
    if (this.#tended?.bundle.isClosed !== false) return isNew;
    this.#tend(this.#tended);
    return false;
  }

  /** Remote addresses of the connections that live, where there may be several. */
  get paths(): readonly Address[] {
    return this.#bundle?.isClosed === false ? this.#bundle.addresses : [];
  }

  /** A stream to the peer, at its next address. */
  dial(done: Done): void {
    const first = this.#addresses[this.#nextAddress++ % this.#addresses.length] ?? '';
    if (this.#addresses.length === 1)
      return this.#connect(first, undefined, (stream) => done(this.#stillAlone(stream)));
    const id = this.#world.random.bytes(BUNDLE_ID_BYTES).toString('hex');
    this.#connect(first, { kind: 'new', id }, (stream) => {
      if (stream instanceof EterneError) return done(stream);
      const bundle = new PathBundle(id, stream, this.#world.timers, true);
      this.#bundle = bundle;
      this.#tended = { bundle, addresses: new Set([first]) };
      this.#keep(this.#tended, first, stream);
      this.#tend(this.#tended);
      done(bundle);
    });
  }

  /** Others may have been added meanwhile, which a connection that is no bundle could never take in. */
  #stillAlone(stream: Stream | EterneError): Stream | EterneError {
    if (stream instanceof EterneError || this.#addresses.length === 1) return stream;
    stream.destroy();
    return new EterneError('unreachable', `${this.#peer} has more addresses now`);
  }

  #tend(tended: Tended): void {
    for (const address of this.#addresses) {
      if (tended.addresses.has(address)) continue;
      tended.addresses.add(address);
      this.#keep(tended, address, undefined);
    }
  }

  /** A connection that the peer dialled. `begun`: it is, or begins, a stream for a session; answers whether that one is wanted. */
  accept(stream: Stream, path: PathNote | undefined, begun: (stream: Stream) => boolean): void {
    secureLink(this.#world, this.#config, stream, { side: 'acceptor', peerName: this.#peer }, (result) => {
      if (result instanceof EterneError) return;
      if (path === undefined) return void begun(result);
      if (path.kind === 'join')
        return this.#bundle?.id === path.id ? this.#bundle.join(result) : result.destroy();
      const bundle = new PathBundle(path.id, result, this.#world.timers, false);
      if (begun(bundle)) this.#bundle = bundle;
    });
  }

  /** Sees to it, until the bundle is closed or the peer has left this address, that there is a connection to it. */
  #keep(tended: Tended, address: Address, present: Stream | undefined): void {
    const { bundle, addresses } = tended;
    if (bundle.isClosed) return;
    const stream = present !== undefined && bundle.has(present) ? present : undefined;
    if (!this.#addresses.includes(address) && (stream === undefined || bundle.leave(stream)))
      return void addresses.delete(address);
    const later = (): void =>
      void this.#world.timers.after(REDIAL_MS, () => this.#keep(tended, address, stream));
    if (stream !== undefined || !bundle.isAnswered) return later();
    this.#connect(address, { kind: 'join', id: bundle.id }, (joined) => {
      if (joined instanceof EterneError) return later();
      bundle.join(joined);
      this.#keep(tended, address, joined);
    });
  }

  #connect(address: Address, path: PathNote | undefined, done: Done): void {
    this.#world.network.connect(address, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
      if (stream instanceof EterneError) return done(stream);
      const { name, node } = this.#config;
      stream.write(encodePreface(name, node, path));
      secureLink(this.#world, this.#config, stream, { side: 'dialer', peerName: this.#peer }, done);
    });
  }
}
