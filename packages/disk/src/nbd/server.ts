/**
 * The NBD front end of one volume: a listener, and the connections of the term that is being served.
 * `serve` and `withdraw` follow the volume's role; connections belong to one device object, that is to one term, and never
 * reach another (DESIGN §4 "Terms").
 */
import { EterneError, assert } from '@eterne/base';
import type { Address, Listener, Stream, TlsIdentity, World } from '@eterne/runtime';
import { BufferSlabs } from '../engine/buffer-slabs.ts';
import type { ByteDevice } from './byte-device.ts';
import { NbdConnection, type ConnectionOwner } from './connection.ts';
import type { ExportLookup } from './export.ts';
import type { NbdSession } from './handshake.ts';
import { HANDSHAKE_TIMEOUT_MS, MAX_CONNECTIONS } from './limits.ts';

export type NbdWorld = Pick<World, 'network' | 'timers' | 'log'>;

const TLS_OPTIONS = { side: 'server', timeoutMs: HANDSHAKE_TIMEOUT_MS } as const;

export class NbdServer {
  readonly #world: NbdWorld;
  readonly #exportName: string;
  readonly #connections = new Set<NbdConnection>();
  readonly #owner: ConnectionOwner;
  #listener: Listener | undefined;
  #served: ByteDevice | undefined;

  private constructor(world: NbdWorld, exportName: string, tls: TlsIdentity | undefined) {
    this.#world = world;
    this.#exportName = exportName;
    this.#owner = {
      memory: new BufferSlabs(),
      exports: {
        names: () => (this.#served === undefined ? [] : [exportName]),
        find: (name) => this.#find(name),
      },
      ...(tls === undefined
        ? {}
        : { secure: (stream, done) => world.network.secure(stream, { ...TLS_OPTIONS, tls }, done) }),
      bytesOf: (session) => this.#bytesOf(session),
      onClosed: (connection, reason) => this.#closed(connection, reason),
    };
  }

  /** Binds `address`; until `serve` every export is refused. With `tls` clients must use it, and show a certificate. */
  static listen(
    world: NbdWorld,
    address: Address,
    exportName: string,
    done: (result: NbdServer | EterneError) => void,
    tls?: TlsIdentity,
  ): void {
    const server = new NbdServer(world, exportName, tls);
    world.network.listen(
      address,
      (stream) => server.#accept(stream),
      (result) => {
        if (result instanceof EterneError) return done(result);
        server.#listener = result;
        done(server);
      },
    );
  }

  get address(): Address {
    return this.#listener?.address ?? '';
  }

  /** From now on clients get this term's device; those of an earlier one are cut. */
  serve(bytes: ByteDevice): void {
    if (this.#served === bytes) return;
    this.withdraw();
    this.#served = bytes;
  }

  /** The term has ended: every connection is cut, held commands are never answered. */
  withdraw(): void {
    this.#served = undefined;
    for (const connection of this.#connections)
      if (connection.session !== undefined) connection.cut('the term has ended');
  }

  close(): void {
    this.#listener?.close();
    this.#served = undefined;
    for (const connection of this.#connections) connection.cut('the server is closing');
  }

  #find(name: string): ExportLookup {
    if (name !== '' && name !== this.#exportName) return { kind: 'unknown' };
    if (this.#served === undefined)
      return { kind: 'withheld', reason: `volume ${this.#exportName} is not primary on this node` };
    return { kind: 'served', device: this.#served.device };
  }

  #bytesOf(session: NbdSession): ByteDevice {
    const served = this.#served;
    // The look-up and this call happen in the same event: nothing can have changed between them.
    assert(
      served !== undefined && served.device === session.device,
      'a session opens the device that is served',
    );
    return served;
  }

  #accept(stream: Stream): void {
    if (this.#connections.size >= MAX_CONNECTIONS) return stream.destroy();
    this.#connections.add(new NbdConnection(stream, this.#world.timers, this.#owner));
  }

  #closed(connection: NbdConnection, reason: string): void {
    this.#connections.delete(connection);
    this.#world.log('debug', 'an NBD connection has closed', { export: this.#exportName, reason });
  }
}
