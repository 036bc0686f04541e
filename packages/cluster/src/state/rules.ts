/** What a configuration may not be, whoever writes it. Each rule gives one sentence, or nothing. */
import { PROFILES } from '../profiles.ts';
import { brokenExportRule } from './export-rules.ts';
import type { ClusterState, GroupSpec, ResourceDefinition, VolumeSpec } from './model.ts';
import { doubleClaim } from './claims.ts';
import { companyRule } from './company-rules.ts';
import { demandRule } from './demand-rules.ts';
import { joinedRule } from './joined.ts';
import { sortedValues } from './model.ts';
import { partsRule } from './parts.ts';
import { MIRROR, mirrorKeys, referencesIn, volumeOf, volumesOf } from './references.ts';

export const VOLUMES_MAX = 256;
export const GROUPS_MAX = 256;
export const RESOURCES_MAX = 64;
export const REPLICAS_MAX = 32;
export const HEARTBEAT_DISKS_MAX = 4;

/** The first rule that `state` breaks. */
export function brokenRule(state: ClusterState): string | undefined {
  return (
    limits(state) ??
    tieBreakerRule(state) ??
    heartbeatDiskRule(state) ??
    firstBroken(state.config.fencing, ({ node, agent }) => nodeRule(state, node, `fence device ${agent}`)) ??
    firstBroken(sortedValues(state.volumes), (volume) => volumeRule(state, volume.spec)) ??
    brokenExportRule(state) ??
    firstBroken(sortedValues(state.groups), (group) => groupRule(state, group.spec)) ??
    sharedVolumes(state) ??
    doubleClaim(state) ??
    demandRule(state)
  );
}

function firstBroken<T>(items: readonly T[], rule: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const broken = rule(item);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function limits(state: ClusterState): string | undefined {
  if (Object.keys(state.volumes).length > VOLUMES_MAX) return `a cluster has at most ${VOLUMES_MAX} volumes`;
  if (Object.keys(state.groups).length > GROUPS_MAX) return `a cluster has at most ${GROUPS_MAX} groups`;
  return undefined;
}

/** A node that cannot be fenced could not be gone on without; and nobody decides beside a tie-breaker. */
function tieBreakerRule({ config, members }: ClusterState): string | undefined {
  if (config.prefer === 'availability' && config.tieBreaker.kind !== 'none')
    return `prefer: availability is for a pair without a tie-breaker (tieBreaker: { kind: none }); ${config.tieBreaker.kind} decides better`;
  if (config.tieBreaker.kind !== 'fencing') return undefined;
  const bare = sortedValues(members).find(
    ({ name, role }) => role === 'node' && !config.fencing.some(({ node }) => node === name),
  );
  const { delayMs } = config.tieBreaker;
  const { silenceMs } = PROFILES[config.profile].heart;
  if (delayMs < silenceMs)
    return `the delay of the tie-breaker is ${delayMs} ms: with profile ${config.profile} two nodes may lose each other ${silenceMs} ms apart`;
  return bare && `the tie-breaker is fencing, but ${bare.name} has no fence device`;
}

function heartbeatDiskRule(state: ClusterState): string | undefined {
  const disks = state.config.heartbeatDisks;
  if (disks.length > HEARTBEAT_DISKS_MAX)
    return `a cluster has at most ${HEARTBEAT_DISKS_MAX} heartbeat disks`;
  const ids = disks.map(({ id }) => id).filter((id) => id !== '');
  if (new Set(ids).size < ids.length) return 'two of the heartbeat disks are the same disk';
  const named = disks.flatMap(({ device }) => (typeof device === 'string' ? [] : Object.keys(device)));
  return firstBroken(named, (node) => nodeRule(state, node, 'a heartbeat disk'));
}

function nodeRule(state: ClusterState, node: string, subject: string): string | undefined {
  const member = state.members[node];
  if (!member) return `${subject} names ${node}, which is not a node of this cluster`;
  if (member.role === 'witness') return `${subject} names ${node}, which is a witness and carries nothing`;
  return undefined;
}

function volumeRule(state: ClusterState, volume: VolumeSpec): string | undefined {
  const subject = `volume ${volume.name}`;
  const nodes = volume.replicas.map((replica) => replica.node);
  if (nodes.length === 0 || nodes.length > REPLICAS_MAX)
    return `${subject} needs 1 to ${REPLICAS_MAX} replicas`;
  if (new Set(nodes).size < nodes.length) return `${subject} has two replicas on one node`;
  return (
    firstBroken(nodes, (node) => nodeRule(state, node, subject)) ??
    partsRule(volume, new Set(Object.keys(state.volumes))) ??
    joinedRule(state, volume)
  );
}

function groupRule(state: ClusterState, group: GroupSpec): string | undefined {
  const subject = `group ${group.name}`;
  if (group.nodes.length === 0) return `${subject} has no nodes`;
  if (new Set(group.nodes).size < group.nodes.length) return `${subject} names a node twice`;
  if (group.resources.length > RESOURCES_MAX) return `${subject} has more than ${RESOURCES_MAX} resources`;
  const names = group.resources.map((resource) => resource.name);
  if (new Set(names).size < names.length) return `${subject} has two resources of one name`;
  return (
    firstBroken(group.nodes, (node) => nodeRule(state, node, subject)) ??
    firstBroken(group.resources, (resource) =>
      resource.type === MIRROR ? mirrorRule(state, group, volumeOf(resource)) : undefined,
    ) ??
    referenceRule(state, group) ??
    companyRule(state, group)
  );
}

function mirrorRule(state: ClusterState, group: GroupSpec, volume: string | undefined): string | undefined {
  const subject = `group ${group.name}`;
  if (volume === undefined) return `${subject}: a mirror resource names its volume`;
  const replicas = state.volumes[volume]?.spec.replicas;
  if (!replicas) return `${subject} uses volume ${volume}, which does not exist`;
  const bare = group.nodes.find((node) => !replicas.some((replica) => replica.node === node));
  return bare === undefined
    ? undefined
    : `${subject} may run on ${bare}, where volume ${volume} has no replica`;
}

/** A reference to itself, a later or an unknown resource could never be resolved when the group starts in order. */
function referenceRule(state: ClusterState, group: GroupSpec): string | undefined {
  const earlier = new Map<string, ResourceDefinition>();
  for (const resource of group.resources) {
    const { name, params } = resource;
    for (const reference of referencesIn(params)) {
      const target = earlier.get(reference.resource);
      if (target === undefined)
        return `group ${group.name}: ${name} refers to ${reference.resource}, which does not come before it`;
      const broken = partReferenceRule(state, target, reference.key);
      if (broken !== undefined) return `group ${group.name}: ${name} refers to ${broken}`;
    }
    earlier.set(name, resource);
  }
  return undefined;
}

/** Which disk of a volume with parts is meant has to be said. */
function partReferenceRule(state: ClusterState, target: ResourceDefinition, key: string): string | undefined {
  const volume = volumeOf(target);
  const { name } = target;
  const parts = volume === undefined ? undefined : state.volumes[volume]?.spec.parts;
  if (parts === undefined) return undefined;
  const keys = mirrorKeys(parts.map((part) => part.name));
  if (keys.includes(key)) return undefined;
  return `\${${name}.${key}}, but ${name} is of volume ${volume} and offers ${keys.join(', ')}`;
}

function sharedVolumes(state: ClusterState): string | undefined {
  const users = new Map<string, string>();
  for (const { spec } of sortedValues(state.groups))
    for (const volume of volumesOf(spec)) {
      const user = users.get(volume);
      if (user !== undefined)
        return user === spec.name
          ? `group ${user} has two mirror resources of volume ${volume}`
          : `volume ${volume} is used by both groups ${user} and ${spec.name}`;
      users.set(volume, spec.name);
    }
  return undefined;
}
