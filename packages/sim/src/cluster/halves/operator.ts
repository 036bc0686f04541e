/**
 * Whoever looks after a pair that parted, as docs/internals/tie-breaker.md tells it: once the nodes are one cluster again, and a volume has a split brain, one
 * side's data is given up. Often that of the half that stayed: then the group is stopped and the loss accepted first.
 */
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState, VolumeState } from '@eterne/cluster/state/model.ts';
import { orderRefusal, type VolumeOrder } from '@eterne/cluster/state/volume-orders.ts';
import type { MirrorVolume, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { SimProcess } from '../../world/process.ts';
import type { Prng } from '../../world/prng.ts';
import type { Universe } from '../../world/universe.ts';
import { GROUP, VOLUME } from '../places.ts';

const LOOK_MS = [300, 1_500] as const;

export interface Site {
  readonly name: string;
  readonly process: SimProcess;
  readonly volume: MirrorVolume;
  readonly status: VolumeStatus;
}

export interface OperatorEyes {
  /** Undefined: nobody answers, or a node is alone. */
  readonly state: () => ClusterState | undefined;
  /** Replicas whose disk process answers. */
  readonly sites: () => readonly Site[];
  readonly submit: (command: Command, applied?: () => void) => void;
}

export class PairOperator {
  /** Orders to give a side's data up, and those of them that gave up what the cluster itself went on with. */
  resolved = 0;
  against = 0;
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly eyes: OperatorEyes;
  /** Whose data goes on, of the split brain that there is. */
  private winner: string | undefined;

  constructor(universe: Universe, eyes: OperatorEyes) {
    this.universe = universe;
    this.chance = universe.prng('operator');
    this.eyes = eyes;
  }

  start(): void {
    this.universe.scheduler.after(this.chance.between(...LOOK_MS), () => {
      this.start();
      const state = this.eyes.state();
      const volume = state?.volumes[VOLUME];
      if (state === undefined || volume === undefined) return;
      this.goOn();
      this.look(state, volume);
    });
  }

  /** A copy that was paused, as its rescue journal did not take a block, is to go on; what has given the journal's disk up opens it anew. */
  private goOn(): void {
    for (const { process, volume, status } of this.eyes.sites())
      for (const { node, connection, splitBrain } of status.peers)
        if (connection === 'StandAlone' && !splitBrain) {
          if (this.chance.chance(0.5)) process.enter(() => volume.connect(node, () => undefined));
          else process.crash();
        }
  }

  private look(state: ClusterState, volume: VolumeState): void {
    const sites = this.eyes.sites();
    const isParted = sites.some(({ status }) => status.peers.some(({ splitBrain }) => splitBrain));
    const group = state.groups[GROUP];
    if (!isParted) {
      this.winner = undefined;
      if (group?.desired === 'stopped') this.desire('started');
      return;
    }
    this.winner ??= this.chance.pick(sites)?.name;
    const site = this.chance.pick(sites);
    if (this.winner === undefined || site === undefined) return;
    const peer = site.status.peers[0]?.node ?? '';
    const order = { verb: 'resolve', peer, discard: this.winner === site.name ? 'remote' : 'local' } as const;
    if (orderRefusal(volume, site.name, order) === undefined) return this.resolve(site, order);
    if (group?.desired === 'started') return this.desire('stopped');
    if (group?.owner !== null) return;
    this.against += 1;
    this.eyes.submit({ kind: 'volume-accept-loss', volume: VOLUME, node: this.winner, atMs: 0 });
  }

  private desire(desired: 'started' | 'stopped'): void {
    this.eyes.submit({ kind: 'group-desire', group: GROUP, desired, atMs: 0 });
  }

  private resolve({ name, process, volume }: Site, order: VolumeOrder & { readonly verb: 'resolve' }): void {
    const { trace } = this.universe;
    this.eyes.submit({ kind: 'volume-order', volume: VOLUME, node: name, order, atMs: 0 }, () => {
      trace.line('operator', `at ${name}: resolve, discard ${order.discard}`);
      this.resolved += 1;
      process.enter(() =>
        volume.resolve(order.peer, order.discard, (error) =>
          trace.line('operator', `at ${name}: ${error?.message ?? 'done'}`),
        ),
      );
    });
  }
}
