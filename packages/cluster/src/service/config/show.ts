/** The document that would make the cluster as it is. */
import type { VolumeSettings } from '@eterne/disk/process/config-settings.ts';
import { MASK, maskDevice } from '../../fencing/secrets.ts';
import type {
  ClusterState,
  ConsensusSpec,
  FenceDevice,
  GroupSpec,
  Member,
  RescueSpec,
  ResourceDefinition,
  VolumeExport,
  VolumeSpec,
} from '../../state/model.ts';
import { sortedValues, type TieBreaker, type WatchdogSpec } from '../../state/model.ts';
import { devicesOf, partPlaces } from '../../state/parts.ts';
import type { WatchSettings } from '../../state/watch.ts';

export function showDocument(state: ClusterState): Record<string, unknown> {
  return {
    cluster: {
      ...state.config,
      consensus: showConsensus(state.config.consensus),
      watchdog: showWatchdog(state.config.watchdog),
      watch: showWatch(state.config.watch),
      tieBreaker: showTieBreaker(state.config.tieBreaker),
      fencing: state.config.fencing.map(showFenceDevice),
      heartbeatDisks: state.config.heartbeatDisks.map(({ device }) => device),
    },
    nodes: sortedValues(state.members).map(showNode),
    volumes: sortedValues(state.volumes).map(({ spec }) => showVolume(spec)),
    groups: sortedValues(state.groups).map(({ spec }) => showGroup(spec)),
  };
}

function showNode({ name, addresses, api, capacity }: Member): object {
  const place = { name, addresses, api };
  return Object.keys(capacity).length === 0 ? place : { ...place, capacity };
}

/** Without the files that it has not. */
function showConsensus(consensus: ConsensusSpec): object {
  return Object.fromEntries(Object.entries(consensus).filter(([, value]) => value !== null));
}

function showWatchdog(watchdog: WatchdogSpec | null): unknown {
  return watchdog === null ? 'off' : { device: watchdog.device, timeout: `${watchdog.timeoutMs}ms` };
}

function showWatch({ policies, fullPercent, memoryPercent }: WatchSettings): object {
  return { ...policies, fullAbove: `${fullPercent}%`, memoryBelow: `${memoryPercent}%` };
}

function showTieBreaker(tieBreaker: TieBreaker): Record<string, unknown> {
  if (tieBreaker.kind !== 'fencing') return tieBreaker;
  const { delayMs, ...shown } = tieBreaker;
  return { ...shown, delay: `${delayMs}ms` };
}

function showFenceDevice(device: FenceDevice): Record<string, unknown> {
  const { timeoutMs, ...shown } = maskDevice(device);
  return { ...shown, timeout: `${timeoutMs}ms` };
}

function showVolume(spec: VolumeSpec): Record<string, unknown> {
  return {
    name: spec.name,
    ...showDisks(spec),
    mode: spec.mode,
    initialSync: spec.initialSync,
    onDiskError: spec.onDiskError,
    ...(spec.mode === 'async' ? { asyncTakeover: spec.asyncTakeover } : {}),
    ...showSettings(spec.settings),
    rescueJournal: showRescue(spec.rescueJournal),
    ...(spec.parts.length === 0 ? { exports: spec.exports.map(showExport) } : {}),
  };
}

function showDisks(spec: VolumeSpec): Record<string, unknown> {
  const { joined, parts, replicas, sizeBytes } = spec;
  if (joined !== undefined) {
    const devices = joined.devices.map((device, index) => [device, showPaths(spec, index)] as const);
    const nodes = replicas.map(({ node }) => node);
    return { size: sizeBytes, devices: Object.fromEntries(devices), nodes, fence: joined.fence };
  }
  return parts.length === 0
    ? { size: sizeBytes, replicas: showReplicas(spec, 0) }
    : { parts: showParts(spec) };
}

/** Once, where it is the same on all nodes. */
function showPaths(spec: VolumeSpec, index: number): unknown {
  const paths = spec.replicas.map((replica) => devicesOf(replica)[index]);
  return new Set(paths).size === 1 ? paths[0] : showReplicas(spec, index);
}

function showParts(spec: VolumeSpec): readonly object[] {
  return partPlaces(spec, spec.sizeBytes).map(({ part, sizeBytes }, index) => ({
    name: part.name,
    size: sizeBytes,
    replicas: showReplicas(spec, index),
    exports: part.exports.map(showExport),
  }));
}

/** `index`: of the part. */
function showReplicas({ replicas }: VolumeSpec, index: number): object {
  return Object.fromEntries(replicas.map((replica) => [replica.node, devicesOf(replica)[index]]));
}

function showSettings({ resyncRate, congestion, diskTimeoutMs, ...same }: VolumeSettings): object {
  return {
    ...same,
    resyncRate: { min: resyncRate.minBytesPerSecond, max: resyncRate.maxBytesPerSecond },
    congestion: { queue: congestion.queueBytes, policy: congestion.policy },
    diskTimeout: `${diskTimeoutMs}ms`,
  };
}

function showRescue(rescue: RescueSpec | null): object {
  if (rescue === null) return { whenFull: 'off' };
  const { path, maxBytes, whenFull } = rescue;
  return { ...(path === null ? {} : { path }), max: maxBytes, whenFull };
}

function showExport({ kind, ...entry }: VolumeExport): object {
  if (!('chap' in entry) || entry.chap === undefined) return { [kind]: entry };
  const { password: _, mutualPassword, ...chap } = entry.chap;
  const masked = mutualPassword === undefined ? {} : { mutualPassword: MASK };
  return { [kind]: { ...entry, chap: { ...chap, password: MASK, ...masked } } };
}

function showGroup(spec: GroupSpec): Record<string, unknown> {
  const { enabled, window } = spec.failback;
  return {
    name: spec.name,
    nodes: spec.nodes,
    failback: { enabled, ...(window === null ? {} : { window }) },
    ...spec.rules,
    ...(Object.keys(spec.demand).length === 0 ? {} : { demand: spec.demand }),
    onStopFailure: spec.onStopFailure,
    ...(Object.keys(spec.watch).length === 0 ? {} : { watch: spec.watch }),
    resources: spec.resources.map(showResource),
  };
}

function showResource(resource: ResourceDefinition): Record<string, unknown> {
  const { attempts, windowMs } = resource.restart;
  return {
    name: resource.name,
    type: resource.type,
    ...resource.params,
    restart: { attempts, window: `${windowMs}ms` },
    startTimeout: `${resource.startTimeoutMs}ms`,
    stopTimeout: `${resource.stopTimeoutMs}ms`,
  };
}
