/** What a configuration may not be, whoever writes it. Each rule gives one sentence, or nothing. */
import { posix } from 'node:path';
import type { ClusterState, GroupSpec, VolumeSpec } from './model.ts';
import { NO_RULES, sortedValues } from './model.ts';
import { MIRROR, referencesIn, volumeOf, volumesOf } from './references.ts';

export const VOLUMES_MAX = 256;
export const GROUPS_MAX = 256;
export const RESOURCES_MAX = 64;
export const REPLICAS_MAX = 32;

/** The first rule that `state` breaks. */
export function brokenRule(state: ClusterState): string | undefined {
  return (
    limits(state) ??
    firstBroken(state.config.fencing, ({ node, agent }) => nodeRule(state, node, `fence device ${agent}`)) ??
    firstBroken(sortedValues(state.volumes), (volume) => volumeRule(state, volume.spec)) ??
    overlappingDisks(state) ??
    firstBroken(sortedValues(state.groups), (group) => groupRule(state, group.spec)) ??
    sharedVolumes(state)
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
  return firstBroken(nodes, (node) => nodeRule(state, node, subject));
}

/** Two volumes on one disk would overwrite each other (FEATURES C2). */
function overlappingDisks(state: ClusterState): string | undefined {
  const users = new Map<string, string>();
  for (const { spec } of sortedValues(state.volumes))
    for (const { node, device } of spec.replicas) {
      const key = `${node} ${device.startsWith('/') ? posix.normalize(device) : device}`;
      const user = users.get(key);
      if (user !== undefined)
        return `volumes ${user} and ${spec.name} are on the same disk ${device} of ${node}`;
      users.set(key, spec.name);
    }
  return undefined;
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
    referenceRule(group) ??
    companyRule(state, group)
  );
}

function othersOf({ rules }: Pick<GroupSpec, 'rules'>): readonly string[] {
  return [...rules.with, ...rules.apart, ...rules.after];
}

function companyRule(state: ClusterState, group: GroupSpec): string | undefined {
  const subject = `group ${group.name}`;
  const unknown = othersOf(group).find((name) => !state.groups[name]);
  if (unknown !== undefined) return `${subject} has a rule about group ${unknown}, which does not exist`;
  const both = group.rules.with.find((name) => group.rules.apart.includes(name));
  if (both !== undefined) return `${subject} is to run with group ${both} and apart from it`;
  const far = group.rules.with.find(
    (name) => !state.groups[name]?.spec.nodes.some((node) => group.nodes.includes(node)),
  );
  if (far !== undefined) return `${subject} is to run with group ${far}, but they have no node in common`;
  const circle = circleFrom(state, group.name);
  return circle && `the rules of groups ${circle.join(', ')} go round in a circle`;
}

/** The groups on a way by rules from `start` back to itself. */
function circleFrom(state: ClusterState, start: string): readonly string[] | undefined {
  const seen = new Set<string>();
  const walk = (name: string, way: readonly string[]): readonly string[] | undefined => {
    for (const other of othersOf(state.groups[name]?.spec ?? { rules: NO_RULES })) {
      if (other === start) return way;
      if (seen.has(other)) continue;
      seen.add(other);
      const circle = walk(other, [...way, other]);
      if (circle) return circle;
    }
    return undefined;
  };
  return walk(start, [start]);
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
function referenceRule(group: GroupSpec): string | undefined {
  const earlier = new Set<string>();
  for (const { name, params } of group.resources) {
    const bad = referencesIn(params).find((reference) => !earlier.has(reference.resource));
    if (bad) return `group ${group.name}: ${name} refers to ${bad.resource}, which does not come before it`;
    earlier.add(name);
  }
  return undefined;
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
