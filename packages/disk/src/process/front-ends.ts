/**
 * The front ends of one volume, in its worker. Duties:
 *
 * 1. All are bound before `listen` is done; they serve while the volume has a device, one `ByteDevice` for each term, shared by all of them.
 * 2. State of a front end (`front-state.ts`) is known on a replica before that joins the in-sync set (`guard`).
 * 3. Clients of this node are handed on to the primary while that is another one.
 */
import { EterneError } from '@eterne/base';
import type { Address, BlockDevice, Stream, World } from '@eterne/runtime';
import type { BridgeCommand } from '../attach/iscsi-bridge.ts';
import type { Arbiter, VolumeConfig, VolumeStatus } from '../engine/api.ts';
import { ByteDevice } from '../nbd/byte-device.ts';
import { NbdServer } from '../nbd/server.ts';
import { AttachedDevice } from './attach/attached-device.ts';
import { ClientForward } from './front-channel.ts';
import type { FrontEnd, ListenFrontEnd } from './front-end.ts';
import { FrontState } from './front-state.ts';
import type { ExportSpec, NbdExport } from './port.ts';
import { loadTls } from './tls-files.ts';

/** Clients of this node that are handed on to the primary at once. */
const MAX_FORWARDS = 256;

type Done = (error: EterneError | undefined) => void;

export interface FrontEndsParts {
  readonly world: World;
  /** Of the volume, or of one of a mirror set: then the set's, with the volume's name and place for state. */
  readonly config: VolumeConfig;
  readonly exports: readonly ExportSpec[];
  readonly listenFrontEnd: ListenFrontEnd | undefined;
  readonly iscsiBridge: BridgeCommand | undefined;
  status(): VolumeStatus;
  /** What a client of the volume sees of the device of a term. */
  deviceOf(whole: BlockDevice): BlockDevice;
  /** The path of the attached device has changed. */
  changed(): void;
}

export class FrontEnds {
  readonly #parts: FrontEndsParts;
  #config: VolumeConfig;
  readonly #servers: FrontEnd[] = [];
  /** Only of a volume that has a front end with state. */
  #state: FrontState | undefined;
  #attached: AttachedDevice | undefined;
  #whole: BlockDevice | undefined;
  #served: ByteDevice | undefined;
  /** How large the device was when they last heard of it. */
  #shownBytes: number | undefined;
  /** Clients that are handed on, and to whom. */
  readonly #forwards = new Map<ClientForward, string>();

  constructor(parts: FrontEndsParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  get name(): string {
    return this.#config.name;
  }

  /** Where the same peers are from now on. */
  readdress(peers: VolumeConfig['peers']): void {
    this.#config = { ...this.#config, peers };
    this.#state?.readdress(peers);
  }

  /** Bound, in the order of the exports. */
  get addresses(): readonly Address[] {
    return this.#servers.map(({ address }) => address);
  }

  get hasState(): boolean {
    return this.#state !== undefined;
  }

  get attachedPath(): string | null {
    return this.#attached?.path ?? null;
  }

  /** Before the volume is opened. */
  openState(done: Done): void {
    const { exports, world } = this.#parts;
    if (!exports.some(({ kind }) => kind === 'iscsi')) return done(undefined);
    FrontState.open(
      world,
      this.#config,
      () => this.#stateView(),
      (state) => {
        if (state instanceof EterneError) return done(state);
        this.#state = state;
        done(undefined);
      },
    );
  }

  /** Several devices of one host: none of them is a node that could hold state, and clients stay in their term while one after the other leads. */
  #stateView(): Pick<VolumeStatus, 'term' | 'role' | 'inSyncSet'> {
    const status = this.#parts.status();
    if (this.#config.devices === undefined) return status;
    return { role: status.role, term: this.#whole?.term ?? 0, inSyncSet: [] };
  }

  guard(arbiter: Arbiter): Arbiter {
    return this.#state?.guard(arbiter) ?? arbiter;
  }

  /** Binds them one after the other; the first failure ends it. */
  listen(done: Done): void {
    const { config, exports, iscsiBridge, listenFrontEnd, world } = this.#parts;
    const next = exports[this.#servers.length];
    if (next === undefined) return done(undefined);
    const listening = (server: FrontEnd | EterneError): void => {
      if (server instanceof EterneError) return done(server);
      this.#servers.push(server);
      this.listen(done);
    };
    if (next.kind === 'nbd') return this.#listenNbd(next, listening);
    if (next.kind === 'attach')
      return AttachedDevice.listen(
        world,
        config,
        next,
        iscsiBridge,
        () => this.#parts.changed(),
        (result) => {
          if (result instanceof AttachedDevice) this.#attached = result;
          listening(result);
        },
      );
    if (listenFrontEnd === undefined || this.#state === undefined)
      return done(new EterneError('unsupported', `${next.kind} exports are not supported here`));
    const forward = (client: Stream, refused: () => void): void => this.#forward(client, refused);
    listenFrontEnd({ world, config, state: this.#state, forward }, next, listening);
  }

  /** `whole`: the device of the present term; of a mirror set, the set's. */
  follow(whole: BlockDevice | undefined): void {
    if (this.#whole !== whole) {
      this.#whole = whole;
      this.#served = whole === undefined ? undefined : new ByteDevice(this.#parts.deviceOf(whole));
      if (this.#served === undefined) this.#state?.end();
      for (const server of this.#servers) {
        if (this.#served === undefined) server.withdraw();
        else server.serve(this.#served);
      }
    } else if (this.#served !== undefined && this.#served.device.sizeBytes !== this.#shownBytes)
      for (const server of this.#servers) server.resized?.();
    this.#shownBytes = this.#served?.device.sizeBytes;
    this.#cutForwards();
    this.#state?.advance();
  }

  /** A connection on which another node's front ends put their state. */
  acceptState(stream: Stream, fromNode: string): void {
    if (this.#state === undefined) stream.destroy();
    else this.#state.accept(stream, fromNode);
  }

  /** A client that came to `portal` of another node. */
  acceptClient(stream: Stream, fromNode: string, portal: Address): void {
    const frontEnd = this.#servers.find((server) => 'accept' in server);
    if (frontEnd?.accept === undefined) stream.destroy();
    else frontEnd.accept(stream, fromNode, portal);
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #listenNbd({ listen, tls: files }: NbdExport, done: (result: NbdServer | EterneError) => void): void {
    const { world } = this.#parts;
    if (files === undefined) return NbdServer.listen(world, listen, this.name, done);
    loadTls(world, files, (tls) => {
      if (tls instanceof EterneError) done(tls);
      else NbdServer.listen(world, listen, this.name, done, tls);
    });
  }

  #forward(client: Stream, refused: () => void): void {
    const node = this.#primaryPeer();
    if (node === undefined || this.#forwards.size >= MAX_FORWARDS) return refused();
    const forward = new ClientForward(this.#parts.world, client, (wasRefused) => {
      this.#forwards.delete(forward);
      if (wasRefused) refused();
    });
    this.#forwards.set(forward, node);
    forward.start(this.#config, node);
  }

  #primaryPeer(): string | undefined {
    const { peers } = this.#parts.status();
    return peers.find(({ role, connection }) => role === 'primary' && connection === 'Connected')?.node;
  }

  /** Initiators of a primary that is one no more, or cannot be reached, learn it at once and log in again. */
  #cutForwards(): void {
    if (this.#forwards.size === 0) return;
    const primary = this.#primaryPeer();
    for (const [forward, node] of this.#forwards) if (node !== primary) forward.cut();
  }
}
