/**
 * The supervisor of a node's volumes: one worker process for each, one acceptor for all replication connections, and the
 * `DiskPort` that the cluster (or the control socket) commands. It touches no data itself.
 */
import { isDeepStrictEqual } from 'node:util';
import { EterneError, whenAll } from '@eterne/base';
import {
  Bindings,
  type Address,
  type Listener,
  type Stream,
  type TlsIdentity,
  type World,
} from '@eterne/runtime';
import type { Worker, WorkerHandler } from '@eterne/runtime/node/worker.ts';
import type { Grant, PromoteRequest, SetProposal, VolumeStatus } from '../engine/api.ts';
import { othersOf, withOthers } from '../engine/others.ts';
import type { VolumeSpec } from './config.ts';
import { isPrivateListen } from './config-rules.ts';
import type { DiskPort } from './port.ts';
import type { Preface } from './preface.ts';
import { acceptReplication } from './replication-acceptor.ts';
import { VolumeProcess, type CallDone, type Verdict, type VolumeProcessOwner } from './volume-process.ts';
import type { ArbiterKind, Lease, ReplicaCall, VolumeCall } from './worker-messages.ts';

const MAX_VOLUMES = 256;

type Done = (error: EterneError | undefined) => void;

export interface DiskProcessOptions {
  readonly world: World;
  readonly arbiter: ArbiterKind;
  readonly startWorker: (handler: WorkerHandler) => Worker;
  /** Of this node; without it links are in clear. */
  readonly tls?: TlsIdentity | undefined;
}

export class DiskProcess implements DiskPort {
  readonly #world: World;
  readonly #volumeOwner: VolumeProcessOwner;
  readonly #volumes = new Map<string, VolumeProcess>();
  readonly #statusListeners: ((volumes: readonly VolumeStatus[]) => void)[] = [];
  #proposalListener: ((proposal: SetProposal, verdict: Verdict) => void) | undefined;
  #workerGoneListener: ((volume: string) => void) | undefined;
  #statusScheduled = false;
  readonly #acceptors: Bindings<Listener>;

  constructor(options: DiskProcessOptions) {
    this.#world = options.world;
    this.#volumeOwner = {
      world: options.world,
      arbiter: options.arbiter,
      startWorker: options.startWorker,
      tls: options.tls,
      onStatus: () => this.#scheduleStatus(),
      onProposal: (proposal, verdict) => this.#proposalListener?.(proposal, verdict),
      onWorkerGone: (volume) => this.#workerGoneListener?.(volume),
    };
    this.#acceptors = new Bindings<Listener>(
      options.world.timers,
      (address, done) =>
        acceptReplication(this.#world, address, (...given) => this.#giveStream(...given), done),
      (address, { message }) => this.#world.log('warn', `no peer is let in at ${address}: ${message}`),
    );
  }

  get statuses(): readonly VolumeStatus[] {
    return [...this.#volumes.values()].flatMap(({ statuses }) => statuses);
  }

  get names(): readonly string[] {
    return [...this.#volumes.keys()];
  }

  /** Worker pids and bound export addresses, for people and tests. */
  processes(): readonly {
    readonly name: string;
    readonly pid: number | undefined;
    readonly exports: readonly Address[];
  }[] {
    return [...this.#volumes].map(([name, { pid, listening }]) => ({ name, pid, exports: listening }));
  }

  /** At least one of the addresses can be bound; answers those that are. The others are tried again. */
  listenForPeers(
    addresses: readonly Address[],
    done: (result: readonly Address[] | EterneError) => void,
  ): void {
    this.#acceptors.open(addresses, (error) => done(error ?? this.#listening));
  }

  listenAt(addresses: readonly Address[]): void {
    this.#acceptors.configure(addresses);
  }

  get #listening(): readonly Address[] {
    return this.#acceptors.bound.map(({ address }) => address);
  }

  #giveStream(preface: Preface, stream: Stream, surplus: Buffer): void {
    const volume = this.#named(preface.volume);
    if (volume === undefined) stream.destroy();
    else volume.giveStream(preface, stream, surplus);
  }

  ensureVolume(spec: VolumeSpec, committed: Grant | undefined, done: Done): void {
    const { config, exports, members = [] } = spec;
    const present = this.#volumes.get(config.name);
    if (present !== undefined) return changePeers(present, spec, done);
    if (this.#volumes.size >= MAX_VOLUMES)
      return done(new EterneError('refused', `more than ${MAX_VOLUMES} volumes`));
    const open = [...exports, ...members.flatMap((member) => member.exports)]
      .filter((entry) => entry.kind === 'nbd')
      .find(({ listen, tls }) => tls === undefined && !isPrivateListen(listen));
    if (open !== undefined)
      return done(new EterneError('refused', `${open.listen}: NBD beyond loopback needs TLS`));
    const volume = new VolumeProcess(spec, committed, this.#volumeOwner);
    this.#volumes.set(config.name, volume);
    volume.start((error) => {
      if (error !== undefined) this.#volumes.delete(config.name);
      this.#scheduleStatus();
      done(error);
    });
  }

  removeVolume(name: string, done: Done): void {
    const volume = this.#volumes.get(name);
    if (volume === undefined) return done(undefined);
    volume.close(() => {
      this.#volumes.delete(name);
      this.#scheduleStatus();
      done(undefined);
    });
  }

  promote(name: string, request: PromoteRequest, done: Done): void {
    this.call(name, { verb: 'promote', request }, done);
  }

  demote(name: string, done: Done): void {
    this.call(name, { verb: 'demote' }, done);
  }

  ask(name: string, call: ReplicaCall, done: CallDone): void {
    this.call(name, call, done);
  }

  call(name: string, call: VolumeCall, done: CallDone): void {
    const volume = this.#named(name);
    if (volume === undefined) done(new EterneError('not-found', `there is no volume ${name} on this node`));
    else volume.call(call, done);
  }

  /** Does a volume or a mirror set of this name run here? */
  has(name: string): boolean {
    return this.#named(name) !== undefined;
  }

  #named(name: string): VolumeProcess | undefined {
    return this.#volumes.get(name) ?? [...this.#volumes.values()].find((volume) => volume.goesBy(name));
  }

  setLease(name: string, lease: Lease): void {
    this.#volumes.get(name)?.setLease(lease);
  }

  onStatus(listener: (volumes: readonly VolumeStatus[]) => void): void {
    this.#statusListeners.push(listener);
    listener(this.statuses);
  }

  onProposal(listener: (proposal: SetProposal, verdict: Verdict) => void): void {
    this.#proposalListener = listener;
  }

  /** A volume's worker has died: what it had proposed is void. One listener. */
  onWorkerGone(listener: (volume: string) => void): void {
    this.#workerGoneListener = listener;
  }

  /** It is this very process: when it goes, so do its listeners. */
  onClose(): void {}

  close(): void {
    this.closeAll(() => {});
  }

  /** Clean end: no new peers, then every volume closed. */
  closeAll(done: () => void): void {
    this.#acceptors.close();
    whenAll(this.#volumes.values(), (volume, closed) => volume.close(closed), done);
  }

  /** Many volumes change in one turn when a peer goes: listeners hear of it once. */
  #scheduleStatus(): void {
    if (this.#statusScheduled) return;
    this.#statusScheduled = true;
    this.#world.timers.soon(() => {
      this.#statusScheduled = false;
      for (const listener of this.#statusListeners) listener(this.statuses);
    });
  }
}

/** An open volume stays open while its peers change. */
function changePeers(volume: VolumeProcess, spec: VolumeSpec, done: Done): void {
  const others = othersOf(spec.config);
  if (isDeepStrictEqual(volume.spec, spec)) return done(undefined);
  const config = withOthers(volume.spec.config, others);
  if (!isDeepStrictEqual({ ...volume.spec, config }, spec)) return done(differs(config.name));
  volume.setPeers(others, done);
}

function differs(name: string): EterneError {
  return new EterneError('conflict', `volume ${name} is open with another configuration`, {
    hint: 'remove it first',
  });
}
