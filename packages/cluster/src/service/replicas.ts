/** Keeps this node's disk process holding exactly the replicas that the log gives to this node, and listening where the log says that this node is. */
import { createHash } from 'node:crypto';
import type { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import type { Grant, VolumeConfig } from '@eterne/disk/engine/api.ts';
import { INTERNAL_METADATA } from '@eterne/disk/engine/disk/open-device.ts';
import type { VolumeSpec as DiskVolume } from '@eterne/disk/process/config.ts';
import type { ExportSpec } from '@eterne/disk/process/port.ts';
import { servicePorts } from '../node/identity.ts';
import { LIVES_LEVEL } from '../state/levels.ts';
import type { ClusterState, ReplicaSpec, VolumeExport, VolumeSpec, VolumeState } from '../state/model.ts';
import { atNode, sortedValues } from '../state/model.ts';
import { devicePaths } from '../state/joined.ts';
import { devicesOf, partPlaces } from '../state/parts.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import { ownMember, type View } from './view.ts';

/** Where this node keeps what the log says nothing about. */
export interface ReplicaPlaces {
  readonly metadataPath: (volume: string, created: number) => string;
  readonly exportAddress: (volume: string) => string;
  readonly rescuePath: (volume: string, created: number) => string;
}

/**
 *   asking ──► open
 *     │ │
 *     │ └─ any error ──► failed ── after RETRY_MS ──► asking
 *     └─ open with another configuration ──► stale ── closed while secondary ──► asking
 */
type Known =
  | { readonly kind: 'asking' | 'closing'; readonly id: EffectId; readonly config: string }
  | { readonly kind: 'open' | 'stale'; readonly config: string }
  | { readonly kind: 'failed'; readonly config: string; readonly retryAtBootMs: number };

const RETRY_MS = 1000;

export class ReplicaDuty {
  readonly #places: ReplicaPlaces;
  readonly #known = new Map<string, Known>();
  readonly #problems = new Map<string, string>();
  /** This node's addresses, as the disk process was told them. */
  #told: readonly Address[] | undefined;

  constructor(places: ReplicaPlaces) {
    this.#places = places;
  }

  /** Volume → why it is not open here, for the operator. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  diskGone(): void {
    this.#known.clear();
    this.#problems.clear();
    this.#told = undefined;
  }

  step(view: View, outbox: Outbox): void {
    const { volumes } = view.disk;
    if (!volumes) return;
    this.#listen(view, outbox);
    for (const volume of sortedValues(view.state.volumes)) this.#ensure(view, outbox, volume);
    for (const name of volumes.keys()) {
      const volume = view.state.volumes[name];
      const isOurs = volume !== undefined && replicaOf(view, volume, this.#places) !== undefined;
      if (!isOurs && this.#mayAct(view, name)) this.#close(outbox, name, '');
    }
  }

  /** What is new is bound before the volumes' configurations are looked at. */
  #listen(view: View, outbox: Outbox): void {
    const addresses = ownMember(view)?.addresses;
    if (addresses === undefined || addresses === this.#told) return;
    this.#told = addresses;
    outbox.diskListen(replicationAddresses(view.state, view.self));
  }

  done(view: View, id: EffectId, completion: Completion): void {
    if (completion.of !== 'plain') return;
    for (const [name, known] of this.#known) {
      if ((known.kind !== 'asking' && known.kind !== 'closing') || known.id !== id) continue;
      this.#problems.delete(name);
      if (completion.error) this.#failed(view, name, known, completion.error);
      else if (known.kind === 'closing') this.#known.delete(name);
      else this.#known.set(name, { kind: 'open', config: known.config });
    }
  }

  #ensure(view: View, outbox: Outbox, volume: VolumeState): void {
    const wanted = replicaOf(view, volume, this.#places);
    const { name } = volume.spec;
    if (!wanted || !this.#mayAct(view, name)) return;
    const config = JSON.stringify(wanted);
    const known = this.#known.get(name);
    if (known?.kind === 'open' && known.config === config) return;
    if (known?.kind === 'stale') {
      if (view.disk.volumes?.get(name)?.role !== 'primary') this.#close(outbox, name, config);
      return;
    }
    const id = outbox.send({ kind: 'disk-ensure', spec: wanted, committed: committedOf(volume) });
    this.#known.set(name, { kind: 'asking', id, config });
  }

  #close(outbox: Outbox, name: string, config: string): void {
    const id = outbox.send({ kind: 'disk-remove', volume: name });
    this.#known.set(name, { kind: 'closing', id, config });
  }

  #failed(view: View, name: string, known: Known, error: EterneError): void {
    const { config } = known;
    if (known.kind === 'asking' && error.code === 'conflict') {
      this.#known.set(name, { kind: 'stale', config });
      return;
    }
    if (known.kind === 'asking') this.#problems.set(name, error.message);
    this.#known.set(name, { kind: 'failed', config, retryAtBootMs: view.now.bootMs + RETRY_MS });
  }

  #mayAct(view: View, name: string): boolean {
    const known = this.#known.get(name);
    if (known?.kind === 'asking' || known?.kind === 'closing') return false;
    return known?.kind !== 'failed' || view.now.bootMs >= known.retryAtBootMs;
  }
}

/** What the disk process of this node is to open; undefined when it has no replica. A volume with parts is a mirror set to it. */
export function replicaOf(
  view: Pick<View, 'life' | 'self' | 'state'>,
  volume: VolumeState,
  places: ReplicaPlaces,
): DiskVolume | undefined {
  const { self, state } = view;
  const { created, size, spec } = volume;
  const own = spec.replicas.find(({ node }) => node === self);
  if (!own || !ownMember(view)) return undefined;
  const { lives, ...whole } = volumeConfig(state, volume, own, places);
  const shared = onDevices(state, spec, own);
  const config = { ...whole, ...(lives === undefined || spec.joined ? {} : { lives }), ...shared };
  const exportsOf = (name: string, more: readonly VolumeExport[]): readonly ExportSpec[] => [
    { kind: 'nbd', listen: places.exportAddress(name) },
    ...more.flatMap((entry) => exportAt(entry, self)),
  ];
  if (spec.parts.length === 0) return { config, exports: exportsOf(spec.name, spec.exports) };
  const devices = devicesOf(own);
  const parts = partPlaces(spec, size.originBytes);
  return {
    config: {
      ...config,
      members: parts.map(({ fullName, sizeBytes }, index) => ({
        name: fullName,
        sizeBytes,
        devicePath: devices[index] ?? '',
      })),
    },
    exports: [],
    members: parts.map(({ fullName, part }) => ({
      metadataPath: places.metadataPath(fullName, created),
      exports: exportsOf(fullName, part.exports),
    })),
  };
}

/** This service is caught up when it opens volumes: whatever an earlier life of this node had proposed is in here, or will never be. */
function committedOf(volume: VolumeState): Grant | undefined {
  const { inSyncSet, spec, term } = volume;
  const isTold = spec.joined === undefined && term.number > 0 && !awaitsAcceptedCopy(volume);
  return isTold ? { term, set: inSyncSet } : undefined;
}

/**
 * What may be lost by an operator's word need not be: until the copy that he has chosen serves, one that comes back with all writes is still to be its source, and he
 * may say otherwise.
 */
function awaitsAcceptedCopy({ givenUp, inSyncSet: { members }, primary }: VolumeState): boolean {
  return primary === null && givenUp !== null && members.length === 1 && members[0] === givenUp.node;
}

function volumeConfig(
  state: ClusterState,
  { created, size, spec }: VolumeState,
  { device, node: self }: ReplicaSpec,
  places: ReplicaPlaces,
): VolumeConfig {
  const peers = spec.replicas
    .filter(({ node }) => node !== self)
    .map(({ node }) => [node, replicationAddresses(state, node)] as const);
  return {
    name: spec.name,
    node: self,
    sizeBytes: size.originBytes,
    mode: spec.mode,
    devicePath: device,
    metadataPath: places.metadataPath(spec.name, created),
    peers: Object.fromEntries(peers),
    ...livesOf(state, spec),
    initialSync: spec.initialSync,
    onPeerLost: 'freeze',
    ...spec.settings,
    ...rescueJournal(spec, self, places.rescuePath(spec.name, created)),
  };
}

/** The same devices on every node; metadata lies on them. They go on without one that is lost. */
function onDevices(state: ClusterState, spec: VolumeSpec, own: ReplicaSpec): Partial<VolumeConfig> {
  if (spec.joined === undefined) return {};
  const devices = devicePaths(spec, own).map(([name, path]) => [name, withHost(path, state, own.node)]);
  return {
    devices: Object.fromEntries(devices),
    metadataPath: INTERNAL_METADATA,
    peers: {},
    onPeerLost: 'continue',
  };
}

/**
 * Of a LUN: by which name its target knows this node, so that no two nodes hold a reservation together, and that it may be taken over, which the lease limits.
 */
function withHost(path: string, { clusterId }: ClusterState, node: string): string {
  if (!path.startsWith('iscsi://')) return path;
  const digest = createHash('sha256').update(`${clusterId}/${node}`).digest('hex').slice(0, 16);
  const wanted = { preempt: 'yes', initiator: `iqn.2026-11.io.eterne:${digest}` };
  const missing = Object.entries(wanted).filter(([key]) => !new RegExp(`[?&]${key}=`).test(path));
  return missing.reduce((uri, [key, value]) => `${uri}${uri.includes('?') ? '&' : '?'}${key}=${value}`, path);
}

/** Not before every program of the cluster says in its HELLO which member it is. */
function livesOf({ level, members }: ClusterState, { replicas }: VolumeSpec): Pick<VolumeConfig, 'lives'> {
  if (level < LIVES_LEVEL) return {};
  const lives = replicas.flatMap(({ node }) => {
    const member = members[node];
    return member === undefined ? [] : [[node, member.voterId] as const];
  });
  return { lives: Object.fromEntries(lives) };
}

function rescueJournal(
  { rescueJournal: given }: VolumeSpec,
  self: string,
  usualPath: string,
): Pick<VolumeConfig, 'rescueJournal'> | object {
  if (given === null) return {};
  const { maxBytes, whenFull } = given;
  const path = (given.path === null ? undefined : atNode(given.path, self)) ?? usualPath;
  return { rescueJournal: { path, maxBytes, whenFull } };
}

/** Nothing on a node that the export does not name. */
function exportAt(entry: VolumeExport, self: string): readonly ExportSpec[] {
  const listen = atNode(entry.listen, self);
  return listen === undefined ? [] : [{ ...entry, listen }];
}

function replicationAddresses({ members }: ClusterState, node: string): readonly Address[] {
  return (members[node]?.addresses ?? []).map((address) => servicePorts(address).replication);
}
