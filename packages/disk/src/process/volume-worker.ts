/**
 * The worker of a volume, or of a mirror set's volumes together: owns its stores, its replication connections and its front ends, in a process of its own, so that a hung
 * store or a broken invariant takes down that and nothing else. It does what the supervisor says.
 *
 * Duties:
 * 1. Front ends are bound before `opened` is reported, and serve only while the volume has a device.
 * 2. The front ends follow the volume's term before the call that changed it is answered: after `promote` clients can
 *    connect, after `demote` no connection is left.
 * 3. A status is sent whenever it has changed, at least once a second while figures move.
 */
import { isDeepStrictEqual } from 'node:util';
import { EterneError, assert, unreachable } from '@eterne/base';
import type { BlockDevice, Stream, World } from '@eterne/runtime';
import type {
  Arbiter,
  AttachRequest,
  Grant,
  MirrorVolume,
  Others,
  SetAnswer,
  SetProposal,
  VolumeConfig,
  VolumeStatus,
} from '../engine/api.ts';
import type { BridgeCommand } from '../attach/iscsi-bridge.ts';
import { secureLink } from '../engine/link/secure-link.ts';
import { totalBytes, windowOf } from '../engine/set/members.ts';
import { WindowDevice } from '../engine/set/window-device.ts';
import { absentStatus } from './absent-status.ts';
import type { ListenFrontEnd } from './front-end.ts';
import { FrontEnds } from './front-ends.ts';
import type { ExportSpec } from './port.ts';
import { statusesOf } from './set-status.ts';
import type { CallDone } from './volume-process.ts';
import { toWireError } from './wire-error.ts';
import type { FromWorker, StreamNote, ToWorker, VolumeCall } from './worker-messages.ts';
import { answerRescue } from './worker-questions.ts';

const STATUS_INTERVAL_MS = 1000;

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
  readonly iscsiBridge?: BridgeCommand;
}

export class VolumeWorker {
  readonly #options: VolumeWorkerOptions;
  readonly #verdicts = new Map<number, (answer: SetAnswer) => void>();
  /** Of the volume, or of each volume of a mirror set, in its order. */
  readonly #fronts: FrontEnds[] = [];
  #nextProposal = 1;
  #volume: MirrorVolume | undefined;
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
      case 'ping':
        return this.#options.send({ kind: 'pong' });
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
        return this.#secured(note, stream, (front, secured) => front.acceptState(secured, fromNode));
      case 'front':
        return this.#secured(note, stream, (front, secured) =>
          front.acceptClient(secured, fromNode, channel.portal),
        );
      default:
        return unreachable(channel);
    }
  }

  #secured(
    { fromNode, volume }: StreamNote,
    stream: Stream,
    then: (front: FrontEnds, stream: Stream) => void,
  ): void {
    const { world } = this.#options;
    assert(this.#volume !== undefined, 'only an open volume takes connections');
    const front = this.#fronts.find(({ name }) => name === volume);
    if (front === undefined) return stream.destroy();
    const side = { side: 'acceptor', peerName: fromNode } as const;
    secureLink(world, this.#volume.config, stream, side, (secured) => {
      if (!(secured instanceof EterneError)) then(front, secured);
    });
  }

  #open(asked: Extract<ToWorker, { kind: 'open' }>): void {
    const { tls } = asked;
    const config = tls === undefined ? asked.config : { ...asked.config, tls };
    const { iscsiBridge, listenFrontEnd, world } = this.#options;
    for (const [index, part] of partsOf(config, asked).entries())
      this.#fronts.push(
        new FrontEnds({
          world,
          config: part.config,
          exports: part.exports,
          listenFrontEnd,
          iscsiBridge,
          status: () => this.#volume?.status() ?? absentStatus(config, undefined),
          deviceOf: (whole) => deviceOf(config, index, whole),
          changed: () => this.#sendStatus(),
        }),
      );
    this.#eachFront(
      (front, next) => front.openState(next),
      (error) => {
        if (error === undefined) this.#openVolume(config, asked);
        else this.#refuse(config.name, error);
      },
    );
  }

  #openVolume(
    config: VolumeConfig,
    { arbiter, committed }: Pick<Extract<ToWorker, { kind: 'open' }>, 'arbiter' | 'committed'>,
  ): void {
    const { world, openVolume, localArbiter } = this.#options;
    const judge = arbiter === 'local' ? localArbiter(world, config) : this.#clusterArbiter(committed);
    const guarded = this.#fronts.reduce((inner, front) => front.guard(inner), judge);
    openVolume(world, config, guarded, (volume) => {
      if (volume instanceof EterneError) return this.#refuse(config.name, volume);
      this.#eachFront(
        (front, next) => front.listen(next),
        (error) => {
          if (error !== undefined) volume.close(() => this.#refuse(config.name, error));
          else this.#opened(volume);
        },
      );
    });
  }

  /** One after the other; the first failure ends it. */
  #eachFront(act: (front: FrontEnds, next: Done) => void, done: Done, index = 0): void {
    const front = this.#fronts[index];
    if (front === undefined) return done(undefined);
    act(front, (error) => (error === undefined ? this.#eachFront(act, done, index + 1) : done(error)));
  }

  #opened(volume: MirrorVolume): void {
    this.#volume = volume;
    volume.onChange(() => this.#follow());
    this.#options.world.timers.every(STATUS_INTERVAL_MS, () => this.#sendStatus());
    const listening = this.#fronts.flatMap(({ addresses }) => addresses);
    this.#options.send({ kind: 'opened', listening, statuses: this.#statuses(volume) });
    this.#follow();
  }

  #refuse(name: string, error: EterneError): void {
    const message = error.message.startsWith('volume ') ? error.message : `volume ${name}: ${error.message}`;
    for (const front of this.#fronts) front.close();
    this.#options.send({ kind: 'refused', error: { ...toWireError(error), message } });
    this.#options.exit();
  }

  #clusterArbiter(committed: Grant | undefined): Arbiter {
    return {
      committed,
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
        return this.#setPeers(volume, call.others, finish);
      case 'resize':
        return this.#resize(volume, call, finish);
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

  /** Initiators know the target ports of the nodes it was opened with: those stay while it is open, wherever they are. */
  #setPeers(volume: MirrorVolume, others: Others, done: Done): void {
    const { peers } = others;
    const names = (of: VolumeConfig['peers']): readonly string[] => Object.keys(of).toSorted();
    const areSame = isDeepStrictEqual(names(peers), names(volume.config.peers));
    if (areSame) for (const front of this.#fronts) front.readdress(peers);
    if (areSame || this.#fronts.every(({ hasState }) => !hasState)) return volume.setPeers(others, done);
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
    for (const front of this.#fronts) front.close();
    volume.close(() => {
      done(undefined);
      this.#options.exit();
    });
  }

  #answer(id: number, error: EterneError | undefined, result: unknown): void {
    const answer = error === undefined ? { result } : { error: toWireError(error) };
    this.#options.send({ kind: 'answer', id, ...answer });
  }

  /** The last volume of a set is at its end, where it can grow. */
  #resize(
    volume: MirrorVolume,
    { name, sizeBytes }: Extract<VolumeCall, { verb: 'resize' }>,
    done: Done,
  ): void {
    const { members } = volume.config;
    if (members === undefined) return volume.resize(sizeBytes, done);
    const { start } = windowOf(members, members.length - 1, totalBytes(members));
    if (members.at(-1)?.name === name) return volume.resize(start + sizeBytes, done);
    done(
      new EterneError('refused', `${name} does not lie at the end of mirror set ${volume.config.name}`, {
        hint: `only ${members.at(-1)?.name} can grow, the last volume of the set`,
      }),
    );
  }

  /** Duties 2 and 3. */
  #follow(): void {
    for (const front of this.#fronts) front.follow(this.#volume?.device);
    this.#sendStatus();
  }

  #sendStatus(): void {
    if (this.#volume === undefined) return;
    const statuses = this.#statuses(this.#volume);
    const text = JSON.stringify(statuses);
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#options.send({ kind: 'status', statuses });
  }

  #statuses(volume: MirrorVolume): readonly VolumeStatus[] {
    const attached = this.#fronts.map(({ attachedPath }) => attachedPath);
    return statusesOf(volume.config, volume.status(), attached);
  }
}

/** A volume by itself, or each volume of a mirror set: what its front ends are told of it. */
function partsOf(
  config: VolumeConfig,
  { exports, members = [] }: Extract<ToWorker, { kind: 'open' }>,
): { readonly config: VolumeConfig; readonly exports: readonly ExportSpec[] }[] {
  if (config.members === undefined) return [{ config, exports }];
  return config.members.map(({ name, sizeBytes }, index) => {
    const { exports: own = [], metadataPath = '' } = members[index] ?? {};
    return { config: { ...config, name, sizeBytes, metadataPath }, exports: own };
  });
}

function deviceOf({ members }: VolumeConfig, index: number, whole: BlockDevice): BlockDevice {
  if (members === undefined) return whole;
  const name = members[index]?.name ?? '';
  return new WindowDevice(name, whole, () => windowOf(members, index, whole.sizeBytes));
}
