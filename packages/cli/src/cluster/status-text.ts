/** The cluster's status as text. */
import { formatSize } from '@eterne/base';
import type {
  ClusterStatus,
  ClusterVolumeStatus,
  GroupStatus,
  NodeStatus,
} from '@eterne/cluster/service/facade.ts';
import type { ClusterEvent } from '@eterne/cluster/state/model.ts';
import { instantOf } from '@eterne/runtime';
import { table } from './table.ts';

export function statusText(status: ClusterStatus): string {
  const { cluster, reportedBy, leader, quorate, features, nodes, volumes, groups, warnings } = status;
  const head = [
    `cluster ${cluster}: ${quorate ? 'quorate' : 'NO QUORUM'}`,
    `leader ${leader ?? 'none'}`,
    `feature level ${features.level}`,
    `reported by ${reportedBy}`,
  ];
  return [
    head.join(', '),
    nodesText(nodes),
    ...(volumes.length > 0 ? [volumesText(volumes)] : []),
    ...(groups.length > 0 ? [groupsText(groups)] : []),
    ...droppedText(status),
    ...(warnings.length > 0 ? [warnings.map((warning) => `! ${warning}`).join('\n')] : []),
  ].join('\n\n');
}

/** Nothing, where everything was believed. */
function droppedText({ dropped, reportedBy }: ClusterStatus): readonly string[] {
  const channels = Object.entries(dropped).flatMap(([channel, counts]) => {
    const reasons = Object.entries(counts).filter(([, count]) => count > 0);
    if (reasons.length === 0) return [];
    return `${channel} ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')}`;
  });
  if (channels.length === 0) return [];
  return [`not believed by ${reportedBy} since its processes were started: ${channels.join('; ')}`];
}

export function nodesText(nodes: readonly NodeStatus[]): string {
  return table(
    ['NODE', 'ROLE', 'STATE', 'LEVEL', 'PATHS', 'API'],
    nodes.map(({ name, role, state, leader, featureLevel, paths, api }) => [
      name,
      leader ? `${role}, leader` : role,
      state,
      `${featureLevel}`,
      paths.length === 0 ? '-' : `${paths.filter(({ up }) => up).length}/${paths.length} up`,
      api,
    ]),
  );
}

export function volumesText(volumes: readonly ClusterVolumeStatus[]): string {
  return table(
    ['VOLUME', 'SIZE', 'MODE', 'PRIMARY', 'REPLICAS', 'IN SYNC'],
    volumes.map(({ name, sizeBytes, parts, mode, primary, replicas, devices, inSyncSet }) => [
      name,
      sizeText(sizeBytes, parts),
      mode,
      primary ?? '-',
      (devices.length === 0 ? replicas.map(({ node, ...rest }) => ({ name: node, ...rest })) : devices)
        .map(
          (copy) =>
            `${copy.name} ${copy.disk}${copy.dirtyBytes > 0 ? ` (${formatSize(copy.dirtyBytes)} to sync)` : ''}`,
        )
        .join(', '),
      inSyncSet.join(', ') || '-',
    ]),
  );
}

/** `1.25GiB (data 1GiB, log 256MiB)` of a volume with parts. */
function sizeText(sizeBytes: number, parts: ClusterVolumeStatus['parts']): string {
  const own = parts.map(({ name, sizeBytes: bytes }) => `${name} ${formatSize(bytes)}`);
  return formatSize(sizeBytes) + (own.length === 0 ? '' : ` (${own.join(', ')})`);
}

export function groupsText(groups: readonly GroupStatus[]): string {
  return table(
    ['GROUP', 'STATE', 'OWNER', 'PROTECTED', 'RESOURCES', 'REASON'],
    groups.map((group) => [
      group.name,
      group.state,
      group.owner ?? '-',
      group.protected ? 'yes' : 'no',
      group.resources.map(({ name, state }) => `${name} ${state}`).join(', '),
      group.reason,
    ]),
  );
}

export function eventText({ id, atMs, level, message, by }: ClusterEvent): string {
  const who = by === undefined ? '' : ` (${by})`;
  return `${instantOf(atMs).toISOString()}  #${id}  ${level.padEnd(7)}  ${message}${who}`;
}
