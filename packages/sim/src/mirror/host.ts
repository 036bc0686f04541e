import { assert, EterneError } from '@eterne/base';
import type {
  Arbiter as ArbiterPort,
  Grant,
  MirrorVolume,
  SetAnswer,
  SetProposal,
  VolumeConfig,
  VolumeStatus,
} from '@eterne/disk/engine/api.ts';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import { openVolume } from '@eterne/disk/engine/volume.ts';
import { PrefaceDecoder } from '@eterne/disk/process/preface.ts';
import type { PathNote } from '@eterne/disk/protocol/wire.ts';
import type { DatagramSocket, Stream } from '@eterne/runtime';
import type { SimProcess } from '../world/process.ts';
import {
  ARBITER_ADDRESS,
  BEAT_MS,
  decodeToHost,
  encode,
  GRACE_MS,
  LEASE_MS,
  type ToArbiter,
  type ToHost,
} from './messages.ts';

const PROPOSE_AGAIN_MS = 150;

export interface HostAddresses {
  readonly control: string;
  /** One of each path. */
  readonly replication: readonly string[];
}

/**
 * A disk process with one volume: the real engine, between a replication listener and the arbiter's datagrams. What the supervisor, the
 * heart and the service do for a volume in production, in its shortest form.
 */
export class VolumeHost {
  readonly process: SimProcess;
  volume: MirrorVolume | undefined;
  private readonly config: VolumeConfig;
  private readonly addresses: HostAddresses;
  private readonly committed: Grant | undefined;
  private readonly onVolume: (volume: MirrorVolume) => void;
  private socket: DatagramSocket | undefined;
  private nextProposal = 1;
  private readonly proposals = new Map<
    number,
    { proposal: SetProposal; done: (answer: SetAnswer) => void }
  >();
  /** The term being taken, or held, here. */
  private term = 0;
  private promoting = false;

  constructor(
    process: SimProcess,
    config: VolumeConfig,
    addresses: HostAddresses,
    committed: Grant | undefined,
    onVolume: (volume: MirrorVolume) => void,
  ) {
    this.process = process;
    this.config = config;
    this.addresses = addresses;
    this.committed = committed;
    this.onVolume = onVolume;
  }

  start(): void {
    const { world } = this.process;
    const arbiter: ArbiterPort = {
      committed: this.committed,
      propose: (proposal, done) => {
        this.proposals.set(this.nextProposal, { proposal, done });
        this.nextProposal += 1;
        this.sendProposals();
      },
    };
    BufferSlabs.poisons = true;
    openVolume(world, this.config, arbiter, (result) => {
      if (result instanceof EterneError) {
        world.log('error', `cannot open the volume: ${result.message}`);
        return;
      }
      this.volume = result;
      this.process.activity = () => activityOf(result.status());
      this.listen(result);
      this.onVolume(result);
    });
  }

  private listen(volume: MirrorVolume): void {
    const { world } = this.process;
    const { replication, control } = this.addresses;
    for (const address of replication)
      world.network.listen(
        address,
        (stream) => readPreface(stream, (_volume, from, path) => volume.acceptStream(stream, from, path)),
        (listener) => assert(!(listener instanceof EterneError), `${address} is free`),
      );
    world.network.datagram(
      control,
      (payload) => this.receive(volume, decodeToHost(payload)),
      (socket) => {
        assert(!(socket instanceof EterneError), `${control} is free`);
        this.socket = socket;
        world.timers.every(BEAT_MS, () => this.beat(volume));
        world.timers.every(PROPOSE_AGAIN_MS, () => this.sendProposals());
        this.beat(volume);
      },
    );
  }

  isConnectedWith(node: string): boolean {
    const peers = this.process.alive ? this.volume?.status().peers : undefined;
    return peers?.some((peer) => peer.node === node && peer.connection === 'Connected') === true;
  }

  private beat(volume: MirrorVolume): void {
    const { role, term } = volume.status();
    this.send({
      kind: 'beat',
      node: this.config.node,
      pid: this.process.pid,
      sentAtBootMs: this.process.world.clock.bootMs(),
      role,
      term,
    });
  }

  private sendProposals(): void {
    for (const [id, { proposal }] of this.proposals)
      this.send({ kind: 'propose', node: this.config.node, pid: this.process.pid, id, proposal });
  }

  private receive(volume: MirrorVolume, message: ToHost): void {
    if (message.pid !== this.process.pid) return;
    switch (message.kind) {
      case 'lease':
        if (message.term === this.term) this.extendLease(volume, message.sentAtBootMs);
        return;
      case 'promote':
        this.promote(volume, message);
        return;
      case 'demote':
        if (message.term === this.term && volume.status().role === 'primary')
          volume.demote((error) => this.note('demoted', error));
        return;
      case 'answer': {
        const waiting = this.proposals.get(message.id);
        this.proposals.delete(message.id);
        waiting?.done(message.answer);
        return;
      }
    }
  }

  private promote(volume: MirrorVolume, message: ToHost & { kind: 'promote' }): void {
    const { term, set, sentAtBootMs } = message;
    const bootMs = this.process.world.clock.bootMs();
    if (this.promoting || term.number < this.term || bootMs > sentAtBootMs + LEASE_MS) return;
    if (term.number === this.term && volume.status().role === 'primary') return;
    this.term = term.number;
    this.promoting = true;
    this.extendLease(volume, sentAtBootMs);
    volume.promote({ force: false, granted: { term, set } }, (error) => {
      this.promoting = false;
      this.note(`promoted in term ${term.number}`, error);
      if (error !== undefined) return;
      this.extendLease(volume, sentAtBootMs);
      this.beat(volume);
    });
  }

  private extendLease(volume: MirrorVolume, sentAtBootMs: number): void {
    volume.setLease({ validUntilBootMs: sentAtBootMs + LEASE_MS, graceMs: GRACE_MS });
  }

  private note(what: string, error: EterneError | undefined): void {
    this.process.world.log('info', error === undefined ? what : `not ${what}: ${error.message}`);
  }

  private send(message: ToArbiter): void {
    this.socket?.send(ARBITER_ADDRESS, encode(message));
  }
}

/** `secondary SyncTarget`: its role, and the rarest of what it does with its peers. */
export function activityOf({ role, peers }: VolumeStatus): string {
  const states = peers.map(({ replication }) => replication);
  const rarest = (['SyncTarget', 'SyncSource', 'Established'] as const).find((state) =>
    states.includes(state),
  );
  return `${role} ${rarest ?? 'Off'}`;
}

/** Reads the dialer's first line, as the supervisor does, and passes the socket on. */
export function readPreface(
  stream: Stream,
  handOver: (volume: string, fromNode: string, path: PathNote | undefined) => void,
): void {
  const decoder = new PrefaceDecoder();
  stream.start({
    onData: (chunk) => {
      const event = decoder.push(chunk);
      if (event.kind === 'more') return;
      // A bad link has changed it.
      if (event.kind === 'failed' || event.preface.channel.kind !== 'mirror') return stream.destroy();
      const { volume, fromNode, channel } = event.preface;
      handOver(volume, fromNode, channel.path);
    },
    onDrain: () => undefined,
    onClose: () => undefined,
  });
}
