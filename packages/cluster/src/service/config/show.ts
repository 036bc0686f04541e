/** The document that would make the cluster as it is. */
import { maskDevice } from '../../fencing/secrets.ts';
import type {
  ClusterState,
  FenceDevice,
  GroupSpec,
  ResourceDefinition,
  VolumeSpec,
} from '../../state/model.ts';
import { sortedValues, type TieBreaker, type WatchdogSpec } from '../../state/model.ts';

export function showDocument(state: ClusterState): Record<string, unknown> {
  return {
    cluster: {
      ...state.config,
      consensus: { engine: 'embedded' },
      watchdog: showWatchdog(state.config.watchdog),
      tieBreaker: showTieBreaker(state.config.tieBreaker),
      fencing: state.config.fencing.map(showFenceDevice),
    },
    nodes: sortedValues(state.members)
      .filter(({ capacity }) => Object.keys(capacity).length > 0)
      .map(({ name, capacity }) => ({ name, capacity })),
    volumes: sortedValues(state.volumes).map(({ spec }) => showVolume(spec)),
    groups: sortedValues(state.groups).map(({ spec }) => showGroup(spec)),
  };
}

function showWatchdog(watchdog: WatchdogSpec | null): unknown {
  return watchdog === null ? 'off' : { device: watchdog.device, timeout: `${watchdog.timeoutMs}ms` };
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
    size: spec.sizeBytes,
    mode: spec.mode,
    initialSync: spec.initialSync,
    replicas: Object.fromEntries(spec.replicas.map(({ node, device }) => [node, device])),
  };
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
