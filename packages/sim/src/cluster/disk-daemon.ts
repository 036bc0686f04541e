import { isDeepStrictEqual } from 'node:util';
import { assert, EterneError } from '@eterne/base';
import type {
  Arbiter,
  Grant,
  LocalReplica,
  SetAnswer,
  SetProposal,
  VolumeConfig,
} from '@eterne/disk/engine/api.ts';
import { othersOf, withOthers } from '@eterne/disk/engine/others.ts';
import { openVolume } from '@eterne/disk/engine/volume.ts';
import { Bindings, type Listener, type Stream } from '@eterne/runtime';
import { readPreface } from '../mirror/host.ts';
import type { SimProcess } from '../world/process.ts';

interface Proposal {
  readonly proposal: SetProposal;
  readonly answer: (answer: SetAnswer) => void;
}

/**
 * A node's disk process: the real engine for each volume, the replication acceptor, and the doors that `disk-port.ts` opens
 * for the service and the heart.
 */
export class DiskDaemon {
  readonly process: SimProcess;
  readonly volumes = new Map<string, LocalReplica>();
  /** Set by whoever decides: the service. */
  onProposal: ((proposal: SetProposal, answer: (answer: SetAnswer) => void) => void) | undefined;
  /** Told of every change of a volume's status. */
  readonly changeListeners = new Set<() => void>();
  private readonly acceptors: Bindings<Listener>;
  /** What each volume was opened with, and is being. */
  private readonly opening = new Map<string, VolumeConfig>();
  /** Asked, and not answered: asked again when another service comes. */
  private readonly proposals = new Set<Proposal>();

  constructor(process: SimProcess) {
    this.process = process;
    const { network, timers } = process.world;
    this.acceptors = new Bindings(
      timers,
      (address, done) => network.listen(address, (stream) => this.accept(stream), done),
      (address) => assert(false, `${address} is free`),
    );
  }

  /** As `DiskPort.listenAt`; the first addresses are free. */
  listenAt(addresses: readonly string[]): void {
    this.acceptors.configure(addresses);
  }

  private accept(stream: Stream): void {
    readPreface(stream, (volume, from) => {
      const target = this.volumes.get(volume);
      if (target === undefined) stream.destroy();
      else target.acceptStream(stream, from);
    });
  }

  ensureVolume(
    {
      config,
      committed,
      exportAddress,
    }: {
      readonly config: VolumeConfig;
      readonly committed: Grant | undefined;
      readonly exportAddress: string;
    },
    done: (error: EterneError | undefined) => void,
  ): void {
    const known = this.opening.get(config.name);
    if (known !== undefined) return this.change(known, config, done);
    const { world } = this.process;
    const arbiter: Arbiter = {
      committed,
      propose: (proposal, answer) => {
        this.proposals.add({ proposal, answer });
        this.askAgain();
      },
    };
    this.opening.set(config.name, config);
    // Stands in for TLS, which the cluster's links have: here are links that change bytes.
    openVolume(world, { ...config, linkChecksums: 'crc32c' }, arbiter, (volume) => {
      if (volume instanceof EterneError) {
        this.opening.delete(config.name);
        return done(volume);
      }
      this.volumes.set(config.name, volume);
      volume.onChange(() => this.changed());
      // The export's socket: agents look whether somebody listens there.
      world.network.listen(
        exportAddress,
        (stream) =>
          stream.start({ onData: () => undefined, onDrain: () => undefined, onClose: () => undefined }),
        () => done(undefined),
      );
      this.changed();
    });
  }

  /** As the real one does: its peers may change while it is open, and nothing else. */
  private change(
    known: VolumeConfig,
    config: VolumeConfig,
    done: (error: EterneError | undefined) => void,
  ): void {
    const { name } = config;
    const others = othersOf(config);
    const volume = this.volumes.get(name);
    if (isDeepStrictEqual(known, config)) return done(undefined);
    if (volume === undefined || !isDeepStrictEqual(withOthers(known, others), config))
      return done(new EterneError('conflict', `${name} is open otherwise`));
    this.opening.set(name, config);
    return volume.setPeers(others, done);
  }

  removeVolume(name: string, done: (error: EterneError | undefined) => void): void {
    const volume = this.volumes.get(name);
    if (volume === undefined) return done(undefined);
    return volume.close(() => {
      this.volumes.delete(name);
      this.opening.delete(name);
      this.changed();
      done(undefined);
    });
  }

  /** A set that it has proposed may be committed at any moment, or be so already. */
  get isProposing(): boolean {
    return this.proposals.size > 0;
  }

  /** A new service listens: what is unanswered is its business now. */
  askAgain(): void {
    for (const asked of this.proposals)
      this.onProposal?.(asked.proposal, (answer) => {
        if (this.proposals.delete(asked)) asked.answer(answer);
      });
  }

  private changed(): void {
    for (const listener of this.changeListeners) listener();
  }
}
