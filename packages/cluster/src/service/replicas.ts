/** Keeps this node's disk process holding exactly the replicas that the log gives to this node. */
import type { VolumeConfig } from '@eterne/disk/engine/api.ts';
import type { ExportSpec } from '@eterne/disk/process/port.ts';
import { servicePorts } from '../node/identity.ts';
import type { ClusterState, VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

/** Where this node keeps what the log says nothing about. */
export interface ReplicaPlaces {
  readonly metadataPath: (volume: string, created: number) => string;
  readonly exportAddress: (volume: string) => string;
}

type Known =
  | { readonly kind: 'asking'; readonly id: EffectId; readonly config: string }
  | { readonly kind: 'open'; readonly config: string }
  | {
      readonly kind: 'failed';
      readonly config: string;
      readonly retryAtBootMs: number;
      readonly reason: string;
    };

const RETRY_MS = 1000;
const DISK_TIMEOUT_MS = 30_000;

export class ReplicaDuty {
  readonly #places: ReplicaPlaces;
  readonly #known = new Map<string, Known>();
  #removing: EffectId | undefined;

  constructor(places: ReplicaPlaces) {
    this.#places = places;
  }

  diskGone(): void {
    this.#known.clear();
    this.#removing = undefined;
  }

  /** Why a replica is not open here, for the operator. */
  problem(volume: string): string | undefined {
    const known = this.#known.get(volume);
    return known?.kind === 'failed' ? known.reason : undefined;
  }

  step(view: View, outbox: Outbox): void {
    if (!view.disk.connected) return;
    for (const volume of sortedValues(view.state.volumes)) this.#ensure(view, outbox, volume);
    for (const name of this.#known.keys())
      if (!view.state.volumes[name] && this.#removing === undefined)
        this.#removing = outbox.send({ kind: 'disk-remove', volume: name });
  }

  #ensure(view: View, outbox: Outbox, volume: VolumeState): void {
    const config = volumeConfig(view.state, volume, view.self, this.#places);
    if (!config) return;
    const { name } = volume.spec;
    const known = this.#known.get(name);
    const wanted = JSON.stringify(config);
    if (known?.kind === 'asking') return;
    if (known?.kind === 'open' && known.config === wanted) return;
    if (known?.kind === 'failed' && view.now.bootMs < known.retryAtBootMs) return;
    const exports: ExportSpec[] = [{ kind: 'nbd', listen: this.#places.exportAddress(name) }];
    const id = outbox.send({ kind: 'disk-ensure', config, exports });
    this.#known.set(name, { kind: 'asking', id, config: wanted });
  }

  done(view: View, id: EffectId, completion: Completion): void {
    if (completion.of !== 'plain') return;
    const { error } = completion;
    if (id === this.#removing) {
      this.#removing = undefined;
      if (!error)
        for (const name of this.#known.keys()) if (!view.state.volumes[name]) this.#known.delete(name);
      return;
    }
    for (const [name, known] of this.#known) {
      if (known.kind !== 'asking' || known.id !== id) continue;
      const { config } = known;
      const retryAtBootMs = view.now.bootMs + RETRY_MS;
      this.#known.set(
        name,
        error ? { kind: 'failed', config, retryAtBootMs, reason: error.message } : { kind: 'open', config },
      );
    }
  }
}

/** Undefined when this node has no replica of it. */
export function volumeConfig(
  state: ClusterState,
  volume: VolumeState,
  self: string,
  places: ReplicaPlaces,
): VolumeConfig | undefined {
  const { spec, created } = volume;
  const own = spec.replicas.find(({ node }) => node === self);
  if (!own) return undefined;
  const peers = spec.replicas
    .filter(({ node }) => node !== self)
    .map(({ node }) => [node, (state.members[node]?.addresses ?? []).map(replicationAddress)] as const);
  return {
    name: spec.name,
    node: self,
    sizeBytes: spec.sizeBytes,
    mode: spec.mode,
    devicePath: own.device,
    metadataPath: places.metadataPath(spec.name, created),
    peers: Object.fromEntries(peers),
    readPolicy: 'local',
    initialSync: spec.initialSync,
    splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
    onPeerLost: 'freeze',
    resyncRate: { minBytesPerSecond: 4 * 1024 * 1024, maxBytesPerSecond: 1024 * 1024 * 1024 },
    diskTimeoutMs: DISK_TIMEOUT_MS,
  };
}

function replicationAddress(address: string): string {
  return servicePorts(address).replication;
}
