/**
 * A volume's worker: owns its stores, its replication connections and its front ends, in a process of its own, so that a hung
 * store or a broken invariant takes down one volume and nothing else. It does what the supervisor says.
 *
 * Duties:
 * 1. Front ends are bound before `opened` is reported, and serve only while the volume has a device.
 * 2. The front ends follow the volume's term before the call that changed it is answered: after `promote` clients can
 *    connect, after `demote` no connection is left.
 * 3. A status is sent whenever it has changed, at least once a second while figures move.
 */
import { EterneError, assert, unreachable } from '@eterne/base';
import type { Address, Stream, World } from '@eterne/runtime';
import type {
  Arbiter,
  AttachRequest,
  MirrorVolume,
  SetAnswer,
  SetProposal,
  VolumeConfig,
  VolumeStatus,
} from '../engine/api.ts';
import { secureLink } from '../engine/link/secure-link.ts';
import { ByteDevice } from '../nbd/byte-device.ts';
import { NbdServer } from '../nbd/server.ts';
import { AttachedDevice } from './attached-device.ts';
import { absentStatus } from './absent-status.ts';
import { ClientForward } from './front-channel.ts';
import type { FrontEnd, ListenFrontEnd } from './front-end.ts';
import { FrontState } from './front-state.ts';
import type { ExportSpec, NbdExport } from './port.ts';
import { loadTls } from './tls-files.ts';
import type { CallDone } from './volume-process.ts';
import { toWireError } from './wire-error.ts';
import type { FromWorker, StreamNote, ToWorker, VolumeCall } from './worker-messages.ts';
import { answerRescue } from './worker-questions.ts';

const STATUS_INTERVAL_MS = 1000;
/** Clients of this node that are handed on to the primary at once. */
const MAX_FORWARDS = 256;

type Done = (error: EterneError | undefined) => void;

export interface VolumeWorkerOptions {
  readonly world: World;
  send(message: FromWorker): void;
  /** Ends the process, after what was sent has left. */
  exit(): void;
  readonly openVolume: (
    world: World,
    config: VolumeConfig,
    arbiter: Arbiter,
    done: (result: MirrorVolume | EterneError) => void,
  ) => void;
  readonly localArbiter: (world: World, config: VolumeConfig) => Arbiter;
  /** Makes the front ends that this package does not know; absent: there are none. */
  readonly listenFrontEnd?: ListenFrontEnd;
}

export class VolumeWorker {
  readonly #options: VolumeWorkerOptions;
  readonly #verdicts = new Map<number, (answer: SetAnswer) => void>();
  readonly #servers: FrontEnd[] = [];
  /** Only of a volume that has a front end with state. */
  #state: FrontState | undefined;
  #nextProposal = 1;
  #volume: MirrorVolume | undefined;
  #attached: AttachedDevice | undefined;
  #served: ByteDevice | undefined;
  /** Clients that are handed on, and to whom. */
  readonly #forwards = new Map<ClientForward, string>();
  /** How large the front ends' device was when they last heard of it. */
  #shownBytes: number | undefined;
  #lastStatus = '';

  constructor(options: VolumeWorkerOptions) {
    this.#options = options;
  }

  onMessage(message: ToWorker): void {
    switch (message.kind) {
      case 'open':
        return this.#open(message);
      case 'call':
        return this.#call(message.call, (error, result) => this.#answer(message.id, error, result));
      case 'lease':
        return this.#volume?.setLease(message.lease);
      case 'verdict': {
        const answer = this.#verdicts.get(message.id);
        this.#verdicts.delete(message.id);
        return answer?.(message.answer);
      }
      default:
        return unreachable(message);
    }
  }

  /** Before the volume is open the peer is turned away; it will dial again. */
  onStream(note: StreamNote, stream: Stream): void {
    const { fromNode, channel } = note;
    if (this.#volume === undefined) return stream.destroy();
    switch (channel.kind) {
      case 'mirror':
        return this.#volume.acceptStream(stream, fromNode, channel.path);
      case 'state':
        return this.#secured(note, stream, (secured) =>
          this.#state === undefined ? secured.destroy() : this.#state.accept(secured, fromNode),
        );
      case 'front':
        return this.#secured(note, stream, (secured) =>
          this.#acceptClient(secured, fromNode, channel.portal),
        );
      default:
        return unreachable(channel);
    }
  }

  #secured({ fromNode }: StreamNote, stream: Stream, then: (stream: Stream) => void): void {
    const { world } = this.#options;
    assert(this.#volume !== undefined, 'only an open volume takes connections');
    const side = { side: 'acceptor', peerName: fromNode } as const;
    secureLink(world, this.#volume.config, stream, side, (secured) => {
      if (!(secured instanceof EterneError)) then(secured);
    });
  }

  #acceptClient(stream: Stream, fromNode: string, portal: Address): void {
    const frontEnd = this.#servers.find((server) => 'accept' in server);
    if (frontEnd?.accept === undefined) stream.destroy();
    else frontEnd.accept(stream, fromNode, portal);
  }

  #open(asked: Extract<ToWorker, { kind: 'open' }>): void {
    const { exports, tls } = asked;
    const config = tls === undefined ? asked.config : { ...asked.config, tls };
    const message = { ...asked, config };
    if (!exports.some(({ kind }) => kind === 'iscsi')) return this.#openVolume(message);
    const view = (): VolumeStatus => this.#volume?.status() ?? absentStatus(config, undefined);
    FrontState.open(this.#options.world, config, view, (state) => {
      if (state instanceof EterneError) return this.#refuse(config.name, state);
      this.#state = state;
      this.#openVolume(message);
    });
  }

  #openVolume({ config, exports, arbiter }: Extract<ToWorker, { kind: 'open' }>): void {
    const { world, openVolume, localArbiter } = this.#options;
    const judge = arbiter === 'local' ? localArbiter(world, config) : this.#clusterArbiter();
    openVolume(world, config, this.#state?.guard(judge) ?? judge, (volume) => {
      if (volume instanceof EterneError) return this.#refuse(config.name, volume);
      this.#listen(config, exports, (error) => {
        if (error !== undefined) return volume.close(() => this.#refuse(config.name, error));
        this.#opened(volume);
      });
    });
  }

  #opened(volume: MirrorVolume): void {
    this.#volume = volume;
    volume.onChange(() => this.#follow());
    this.#options.world.timers.every(STATUS_INTERVAL_MS, () => this.#sendStatus());
    const status = volume.status();
    this.#options.send({ kind: 'opened', listening: this.#servers.map(({ address }) => address), status });
    this.#follow();
  }

  #refuse(name: string, error: EterneError): void {
    const message = error.message.startsWith('volume ') ? error.message : `volume ${name}: ${error.message}`;
    for (const server of this.#servers) server.close();
    this.#options.send({ kind: 'refused', error: { ...toWireError(error), message } });
    this.#options.exit();
  }

  /** Binds the front ends one after the other; the first failure ends it. */
  #listen(config: VolumeConfig, exports: readonly ExportSpec[], done: Done): void {
    const next = exports[this.#servers.length];
    if (next === undefined) return done(undefined);
    const listening = (server: FrontEnd | EterneError): void => {
      if (server instanceof EterneError) return done(server);
      this.#servers.push(server);
      this.#listen(config, exports, done);
    };
    const { world, listenFrontEnd } = this.#options;
    if (next.kind === 'nbd') return this.#listenNbd(config.name, next, listening);
    if (next.kind === 'attach')
      return AttachedDevice.listen(
        world,
        config,
        next.folder,
        () => this.#sendStatus(),
        (result) => {
          if (result instanceof AttachedDevice) this.#attached = result;
          listening(result);
        },
      );
    if (listenFrontEnd === undefined || this.#state === undefined)
      return done(new EterneError('unsupported', `${next.kind} exports are not supported here`));
    const forward = (client: Stream, refused: () => void): void => this.#forward(config, client, refused);
    listenFrontEnd({ world, config, state: this.#state, forward }, next, listening);
  }

  #listenNbd(
    name: string,
    { listen, tls: files }: NbdExport,
    done: (result: NbdServer | EterneError) => void,
  ): void {
    const { world } = this.#options;
    if (files === undefined) return NbdServer.listen(world, listen, name, done);
    loadTls(world, files, (tls) => {
      if (tls instanceof EterneError) done(tls);
      else NbdServer.listen(world, listen, name, done, tls);
    });
  }

  #forward(config: VolumeConfig, client: Stream, refused: () => void): void {
    const node = this.#primaryPeer();
    if (node === undefined || this.#forwards.size >= MAX_FORWARDS) return refused();
    const forward = new ClientForward(this.#options.world, client, (wasRefused) => {
      this.#forwards.delete(forward);
      if (wasRefused) refused();
    });
    this.#forwards.set(forward, node);
    forward.start(config, node);
  }

  #primaryPeer(): string | undefined {
    const peers = this.#volume?.status().peers;
    return peers?.find(({ role, connection }) => role === 'primary' && connection === 'Connected')?.node;
  }

  /** Initiators of a primary that is one no more, or cannot be reached, learn it at once and log in again. */
  #cutForwards(): void {
    if (this.#forwards.size === 0) return;
    const primary = this.#primaryPeer();
    for (const [forward, node] of this.#forwards) if (node !== primary) forward.cut();
  }

  #clusterArbiter(): Arbiter {
    return {
      propose: (proposal: SetProposal, done: (answer: SetAnswer) => void): void => {
        const id = this.#nextProposal++;
        this.#verdicts.set(id, done);
        this.#options.send({ kind: 'proposal', id, proposal });
      },
    };
  }

  #call(call: VolumeCall, done: CallDone): void {
    const volume = this.#volume;
    assert(volume !== undefined, 'the supervisor calls only an open volume');
    const finish = (error: EterneError | undefined): void => {
      this.#follow();
      done(error);
    };
    switch (call.verb) {
      case 'promote':
        return volume.promote(call.request, finish);
      case 'demote':
        return volume.demote(finish);
      case 'connect':
        return volume.connect(call.peer, finish);
      case 'disconnect':
        return volume.disconnect(call.peer, finish);
      case 'resolve':
        return volume.resolve(call.peer, call.discard, finish);
      case 'verify':
        return volume.verify(call.request, finish);
      case 'resync':
        return volume.resync(call.peer, finish);
      case 'invalidate':
        return volume.invalidate(finish);
      case 'set-peers':
        return this.#setPeers(volume, call.peers, finish);
      case 'resize':
        return volume.resize(call.sizeBytes, finish);
      case 'rescue':
        return answerRescue(volume.rescue, call.action, volume.config.name, done);
      case 'explain-split-brain':
        return volume.explainSplitBrains((splitBrains) => done(undefined, { splitBrains }));
      case 'attach':
        return this.#attach(volume, call.request, finish);
      case 'detach':
        return volume.detach(finish);
      case 'refresh':
        return finish(undefined);
      case 'close':
        return this.#close(volume, done);
      default:
        return unreachable(call);
    }
  }

  /** Initiators know the target ports of the nodes it was opened with: those stay while it is open. */
  #setPeers(volume: MirrorVolume, peers: VolumeConfig['peers'], done: Done): void {
    if (this.#state === undefined) return volume.setPeers(peers, done);
    done(
      new EterneError('conflict', `volume ${volume.config.name}: an iscsi export knows its nodes by number`, {
        hint: 'its replicas change when it is opened anew',
      }),
    );
  }

  /** A secondary begins again with its new disk: the supervisor starts another worker when this one has gone. */
  #attach(volume: MirrorVolume, request: AttachRequest, done: Done): void {
    volume.attach(request, (error) => {
      done(error);
      if (error === undefined && volume.status().role === 'secondary')
        volume.close(() => this.#options.exit());
    });
  }

  #close(volume: MirrorVolume, done: Done): void {
    for (const server of this.#servers) server.close();
    volume.close(() => {
      done(undefined);
      this.#options.exit();
    });
  }

  #answer(id: number, error: EterneError | undefined, result: unknown): void {
    const answer = error === undefined ? { result } : { error: toWireError(error) };
    this.#options.send({ kind: 'answer', id, ...answer });
  }

  /** Duties 2 and 3. One `ByteDevice` for each term, shared by all front ends. */
  #follow(): void {
    const device = this.#volume?.device;
    if (this.#served?.device !== device) {
      this.#served = device === undefined ? undefined : new ByteDevice(device);
      if (this.#served === undefined) this.#state?.end();
      for (const server of this.#servers) {
        if (this.#served === undefined) server.withdraw();
        else server.serve(this.#served);
      }
    } else if (device !== undefined && device.sizeBytes !== this.#shownBytes)
      for (const server of this.#servers) server.resized?.();
    this.#shownBytes = device?.sizeBytes;
    this.#cutForwards();
    this.#state?.advance();
    this.#sendStatus();
  }

  #sendStatus(): void {
    const volume = this.#volume?.status();
    if (volume === undefined) return;
    const status = { ...volume, attached: this.#attached?.path ?? null };
    const text = JSON.stringify(status);
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#options.send({ kind: 'status', status });
  }
}
