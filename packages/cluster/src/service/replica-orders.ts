/** Orders for, and questions about, the replica on this node: agreed on first, then put to its disk process. */
import { EterneError, unreachable } from '@eterne/base';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import type { ReplicaCall } from '@eterne/disk/process/worker-messages.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import type { VolumeState } from '../state/model.ts';
import { fullPartName } from '../state/parts.ts';
import { loserOf, type VolumeOrder } from '../state/volume-orders.ts';
import { errorOf, noSuch } from '../state/outcome.ts';
import type { Service } from './service.ts';
import type { View } from './view.ts';

/** Everything that can be asked of one replica. */
export class ReplicaOrders {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Who has to carry out an order. */
  actor(name: string, node: string | undefined): string {
    const { primary, spec } = this.#volume(name);
    const actor = node ?? primary;
    if (actor === null)
      throw new EterneError('not-primary', `nobody serves volume ${name} now`, {
        hint: 'name the node, or start its group',
      });
    if (spec.replicas.some((replica) => replica.node === actor)) return actor;
    throw new EterneError('not-found', `volume ${name} has no replica on ${actor}`);
  }

  /** Nothing but this node's own observations; `state/volume-orders.ts` has the rules. */
  checkReach(name: string, order: VolumeOrder): void {
    const { view } = this.#service;
    const loser = loserOf(view.self, order);
    const volume = this.#volume(name);
    if (volume.spec.joined !== undefined) return;
    if (loser === undefined || volume.inSyncSet.version === 0 || othersAreHeard(view, volume, loser)) return;
    throw new EterneError(
      'refused',
      `no other node that holds every acknowledged write of ${name} is heard: what is left must not be given up now`,
      { hint: 'bring the others back first' },
    );
  }

  async carryOut(name: string, order: VolumeOrder): Promise<void> {
    await this.#ask(name, callOf(name, order));
  }

  async status(name: string): Promise<VolumeStatus> {
    await this.#ask(name, { verb: 'refresh' });
    const status = this.#service.view.disk.volumes?.get(name);
    if (status) return status;
    throw new EterneError('unreachable', `volume ${name} is not open on ${this.#service.view.self}`);
  }

  async splitBrains(name: string): Promise<readonly SplitBrainReport[]> {
    const answer = await this.#ask(name, { verb: 'explain-split-brain' });
    return (answer as { readonly splitBrains: readonly SplitBrainReport[] }).splitBrains;
  }

  async rescuePoints(name: string): Promise<readonly PointStatus[]> {
    const answer = await this.#ask(name, { verb: 'rescue', action: { kind: 'list' } });
    return (answer as { readonly points: readonly PointStatus[] }).points;
  }

  #volume(name: string): VolumeState {
    const volume = this.#service.state.volumes[name];
    if (!volume) throw errorOf(noSuch('volume', name, this.#service.state.volumes));
    return volume;
  }

  #ask(name: string, call: ReplicaCall): Promise<unknown> {
    this.#volume(name);
    const problem = this.#service.view.disk.problems.get(name);
    return new Promise((resolve, reject) => {
      this.#service.askReplica(name, call, (error, result) => {
        if (error === undefined) resolve(result);
        // The disk process has no such volume, because it could not open it.
        else if (error.code === 'not-found' && problem !== undefined)
          reject(new EterneError('unreachable', `volume ${name} is not open here: ${problem}`));
        else reject(error);
      });
    });
  }
}

function othersAreHeard({ alive }: View, { inSyncSet }: VolumeState, loser: string): boolean {
  return inSyncSet.members.some((member) => member !== loser && (alive?.has(member) ?? false));
}

function callOf(volume: string, order: VolumeOrder): ReplicaCall {
  switch (order.verb) {
    case 'verify': {
      const { fast, repair, peer } = order;
      return { verb: 'verify', request: { fast, repair, ...(peer === undefined ? {} : { peer }) } };
    }
    case 'resync':
    case 'connect':
    case 'disconnect':
    case 'invalidate':
    case 'detach':
    case 'resolve':
      return order;
    case 'attach':
      return { verb: 'attach', request: { replaced: order.replaced } };
    case 'rescue-export': {
      const { id, part, path } = order;
      return {
        verb: 'rescue',
        action: {
          kind: 'export',
          path,
          ...(id === undefined ? {} : { id }),
          ...(part === undefined ? {} : { name: fullPartName(volume, part) }),
        },
      };
    }
    case 'rescue-drop':
      return { verb: 'rescue', action: { kind: 'drop', id: order.id } };
    default:
      return unreachable(order);
  }
}
