/**
 * The cluster as one node sees it, in Prometheus' text format 0.0.4: what `GET /api/v1/status` says, as numbers. Names, labels and units are
 * those of docs/operating/metrics.md and do not change. Base units: seconds, bytes, ratios from 0 to 1.
 *
 * What has states is shown with a series for each of them, 1 for the present one and 0 for the others, so that a rule sees a state end.
 */
import type { Registry } from 'prom-client';
import type { ClusterStatus, ClusterVolumeStatus, ReplicaStatus } from '../service/facade.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NODE_STATES = ['online', 'lost', 'standby', 'maintenance'] as const;
const GROUP_STATES = ['stopped', 'starting', 'online', 'stopping', 'failed', 'blocked'] as const;

const flag = (holds: boolean): number => (holds ? 1 : 0);
const one = (value: number, labels: Labels = {}): Sample => ({ labels, value });

/** Gauges unless said otherwise. */
function family(
  name: string,
  help: string,
  samples: readonly Sample[],
  kind: Family['kind'] = 'gauge',
): Family {
  return { kind, name: `eterne_${name}`, help, samples };
}

function states<State extends string>(
  all: readonly State[],
  present: State,
  labels: Labels,
): readonly Sample[] {
  return all.map((state) => one(flag(state === present), { ...labels, state }));
}

export function metricFamilies(status: ClusterStatus): readonly Family[] {
  return [
    ...clusterFamilies(status),
    ...nodeFamilies(status),
    ...pathFamilies(status),
    ...volumeFamilies(status),
    ...groupFamilies(status),
    ...dropFamilies(status),
  ];
}

function clusterFamilies({
  cluster,
  reportedBy,
  quorate,
  features,
  maintenance,
  warnings,
}: ClusterStatus): readonly Family[] {
  return [
    family('cluster_info', 'Always 1.', [one(1, { cluster, reported_by: reportedBy })]),
    family('quorate', 'The reporting node has contact with a majority.', [one(flag(quorate))]),
    family('feature_level', 'Feature level in use.', [one(features.level)]),
    family('maintenance', 'Nothing is done about any group.', [one(flag(maintenance))]),
    family('warnings', 'Sentences about what weakens the cluster now.', [one(warnings.length)]),
  ];
}

function nodeFamilies({ nodes }: ClusterStatus): readonly Family[] {
  return [
    family(
      'node_state',
      'State of a node.',
      nodes.flatMap(({ name: node, state }) => states(NODE_STATES, state, { node })),
    ),
    family(
      'node_leads',
      'The node leads the cluster.',
      nodes.map(({ name: node, leader }) => one(flag(leader), { node })),
    ),
    family(
      'node_to_be_fenced',
      'The node is to be fenced, and that is not done yet.',
      nodes.map(({ name: node, fence }) => one(flag(fence !== null), { node })),
    ),
    family(
      'node_troubles',
      'Links, addresses, disks and file systems of a node that are not well.',
      nodes.map(({ name: node, troubles }) => one(troubles.length, { node })),
    ),
  ];
}

function pathFamilies({ nodes }: ClusterStatus): readonly Family[] {
  const paths = nodes.flatMap((node) => node.paths);
  const labels = ({ peer, kind, path }: (typeof paths)[number]): Labels => ({ peer, kind, path });
  const measured = paths.flatMap((path) =>
    path.latencyMs === null ? [] : [one(path.latencyMs / 1000, labels(path))],
  );
  return [
    family(
      'path_up',
      'A heartbeat path from the reporting node works.',
      paths.map((path) => one(flag(path.up), labels(path))),
    ),
    family(
      'path_loss_ratio',
      'Lost beats of the last ones.',
      paths.map((path) => one(path.lossPercent / 100, labels(path))),
    ),
    family('path_latency_seconds', 'Round trip; of a disk: an access.', measured),
  ];
}

/** A copy is where a device is, not where a node reaches it. */
function copiesOf({ devices, replicas }: ClusterVolumeStatus): readonly ReplicaStatus[] {
  if (devices.length === 0) return replicas;
  return devices.map(({ name, ...rest }) => ({ node: name, lagBytes: null, hasUntilMs: null, ...rest }));
}

function volumeFamilies({ volumes }: ClusterStatus): readonly Family[] {
  const replicas = volumes.flatMap((volume) =>
    copiesOf(volume).map(({ node, disk, dirtyBytes, lagBytes, splitBrain }) => ({
      disk,
      dirtyBytes,
      lagBytes,
      splitBrain,
      labels: { volume: volume.name, node },
      isInSync: volume.inSyncSet.includes(node),
    })),
  );
  const lags = replicas.flatMap(({ labels, lagBytes }) => (lagBytes === null ? [] : [one(lagBytes, labels)]));
  return [
    family(
      'volume_size_bytes',
      'Size.',
      volumes.map(({ name: volume, sizeBytes }) => one(sizeBytes, { volume })),
    ),
    family(
      'volume_part_size_bytes',
      'Size of a part of a volume that is made of several.',
      volumes.flatMap(({ name: volume, parts }) =>
        parts.map(({ name: part, sizeBytes }) => one(sizeBytes, { volume, part })),
      ),
    ),
    family(
      'volume_term',
      'Number of promotions.',
      volumes.map(({ name: volume, term }) => one(term, { volume })),
    ),
    family(
      'volume_replicas',
      'Copies that there should be.',
      volumes.map((volume) => one(copiesOf(volume).length, { volume: volume.name })),
    ),
    family(
      'volume_primary',
      'The node whose copy serves the volume.',
      volumes.flatMap(({ name: volume, primary }) =>
        primary === null ? [] : [one(1, { volume, node: primary })],
      ),
    ),
    family(
      'replica_in_sync',
      'The copy holds every acknowledged write.',
      replicas.map(({ labels, isInSync }) => one(flag(isInSync), labels)),
    ),
    family(
      'replica_disk_up_to_date',
      'The disk of the copy is UpToDate.',
      replicas.map(({ labels, disk }) => one(flag(disk === 'UpToDate'), labels)),
    ),
    family(
      'replica_dirty_bytes',
      'What may differ from the primary.',
      replicas.map(({ labels, dirtyBytes }) => one(dirtyBytes, labels)),
    ),
    family('replica_lag_bytes', 'Asynchronous: on the way to the copy.', lags),
    family(
      'replica_split_brain',
      'Written apart from another copy; an operator has to decide.',
      replicas.map(({ labels, splitBrain }) => one(flag(splitBrain), labels)),
    ),
  ];
}

function groupFamilies({ groups }: ClusterStatus): readonly Family[] {
  return [
    family(
      'group_state',
      'State of a group.',
      groups.flatMap(({ name: group, state }) => states(GROUP_STATES, state, { group })),
    ),
    family(
      'group_owner',
      'The node that runs the group.',
      groups.flatMap(({ name: group, owner }) => (owner === null ? [] : [one(1, { group, node: owner })])),
    ),
    family(
      'group_wanted',
      'The group is to run.',
      groups.map(({ name: group, desired }) => one(flag(desired === 'started'), { group })),
    ),
    family(
      'group_protected',
      'Another node would carry the group at once if its owner stopped now.',
      groups.map((group) => one(flag(group.protected), { group: group.name })),
    ),
    family(
      'group_starts_total',
      'How often the group was given to a node.',
      groups.map(({ name: group, epoch }) => one(epoch, { group })),
      'counter',
    ),
    family(
      'resource_running',
      'The resource runs.',
      groups.flatMap(({ name: group, resources }) =>
        resources.map(({ name: resource, state }) => one(flag(state === 'running'), { group, resource })),
      ),
    ),
  ];
}

function dropFamilies({ dropped }: ClusterStatus): readonly Family[] {
  const samples = Object.entries(dropped).flatMap(([channel, counts]) =>
    Object.entries(counts).map(([reason, count]) => one(count, { channel, reason })),
  );
  return [
    family(
      'dropped_messages_total',
      'Messages that the reporting node did not believe since its processes were started.',
      samples,
      'counter',
    ),
  ];
}

/** The library is loaded by the first who asks: most nodes are never asked. */
export async function metricsText(
  status: ClusterStatus,
): Promise<{ readonly type: string; readonly text: string }> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry: Registry = new Registry();
  for (const { kind, name, help, samples } of metricFamilies(status)) {
    const [first] = samples;
    if (first === undefined) continue;
    const about = { name, help, labelNames: Object.keys(first.labels), registers: [registry] };
    const metric = kind === 'gauge' ? new Gauge(about) : new Counter(about);
    for (const { labels, value } of samples) metric.inc(labels, value);
  }
  return { type: registry.contentType, text: await registry.metrics() };
}
