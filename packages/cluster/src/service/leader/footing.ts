/**
 * What a group stands on, on each of its nodes, and what is wrong there. Pure. The same answer tells a monitor what to watch, the leader
 * whether to move a group, and people why.
 */
import { parseIp } from '../../monitor/agents/ip/address.ts';
import type { Look, WatchOrder } from '../../ports.ts';
import type { ClusterState, GroupState, ReplicaSpec, ResourceDefinition } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import { devicesOf } from '../../state/parts.ts';
import { mountPointOf, volumesOf } from '../../state/references.ts';
import type { Trouble, TroubleKind, WatchPolicy } from '../../state/watch.ts';

export interface Concern {
  readonly trouble: Trouble;
  readonly policy: 'warn' | 'move';
}

/** Kinds that are the node's own matter, whatever a group is made of. */
const OF_THE_NODE: readonly TroubleKind[] = ['memory', 'full', 'readOnly'];

export function policyOf({ config }: ClusterState, { spec }: GroupState, kind: TroubleKind): WatchPolicy {
  return spec.watch[kind] ?? config.watch.policies[kind];
}

/** What is wrong on `node` that the group stands on, or would. */
export function concernsOf(state: ClusterState, group: GroupState, node: string): readonly Concern[] {
  const troubles = state.members[node]?.troubles ?? [];
  return troubles.flatMap((trouble): readonly Concern[] => {
    const policy = policyOf(state, group, trouble.kind);
    if (policy === 'ignore' || !concerns(state, group, node, trouble)) return [];
    const isSpared = trouble.kind === 'link' && hasOtherLink(group, troubles, trouble.subject);
    return [{ trouble, policy: isSpared ? 'warn' : policy }];
  });
}

/** Half a sentence about the first trouble for which the group is to leave `node`; undefined: there is none. */
export function reasonToLeave(state: ClusterState, group: GroupState, node: string): string | undefined {
  return concernsOf(state, group, node).find(({ policy }) => policy === 'move')?.trouble.detail;
}

function concerns(state: ClusterState, group: GroupState, node: string, { kind, subject }: Trouble): boolean {
  if (subject === '' || kind === 'address') return true;
  const looks = [...standsOn(state, group, node), ...mountsOf(group)];
  return looks.some((look) => look.kind === kind && look.subject === subject);
}

/** Every address of the group that the dead link might carry has another interface on this node. */
function hasOtherLink(group: GroupState, troubles: readonly Trouble[], dead: string): boolean {
  const isDead = (name: string): boolean =>
    troubles.some(({ kind, subject }) => kind === 'link' && subject === name);
  return group.spec.resources
    .map(interfacesOf)
    .filter((names) => names.includes(dead))
    .every((names) => names.some((name) => !isDead(name)));
}

/** What the monitor of `node` is to watch. */
export function watchOrder(state: ClusterState, node: string): WatchOrder {
  const { policies, fullPercent, memoryPercent } = state.config.watch;
  const groups = sortedValues(state.groups).filter(({ spec }) => spec.nodes.includes(node));
  const ofNode = [...OF_THE_NODE.map((kind) => ({ kind, subject: '' })), ...ownAddresses(state, node)];
  const looks = [
    ...ofNode.filter(
      ({ kind }) =>
        policies[kind] !== 'ignore' || groups.some((group) => policyOf(state, group, kind) !== 'ignore'),
    ),
    ...groups.flatMap((group) => {
      const own = group.owner === node ? mountsOf(group) : [];
      const wanted = ({ kind }: Look): boolean => policyOf(state, group, kind) !== 'ignore';
      return [...standsOn(state, group, node), ...own].filter(wanted);
    }),
  ];
  const unique = new Map(looks.map((look) => [`${look.kind} ${look.subject}`, look]));
  return { looks: [...unique.values()], fullPercent, memoryPercent };
}

/** A host name may stand for any address. */
function ownAddresses({ members }: ClusterState, node: string): readonly Look[] {
  const hosts = (members[node]?.addresses ?? []).map((address) =>
    address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'),
  );
  return hosts
    .filter((host) => parseIp(host) !== undefined)
    .map((host) => ({ kind: 'address', subject: host }));
}

/** Whether or not the group runs there. */
function standsOn(state: ClusterState, group: GroupState, node: string): readonly Look[] {
  const links = group.spec.resources.flatMap(interfacesOf);
  const disks = group.spec.resources.flatMap(disksOf);
  const replicas = volumesOf(group.spec)
    .flatMap((name) => ownReplicas(state, name))
    .filter((replica) => replica.node === node)
    .flatMap(devicesOf)
    .filter((device) => device.startsWith('/'));
  return [
    ...links.map((subject) => ({ kind: 'link' as const, subject })),
    ...disks.map((subject) => ({ kind: 'disk' as const, subject })),
    // A sparse file grows; of a device this asks about /dev, which is never full.
    ...replicas.flatMap((subject) => [
      { kind: 'replica' as const, subject },
      { kind: 'full' as const, subject },
    ]),
  ];
}

/** Shared devices are looked at by whoever has them open, and to lose one of them is no reason to leave. */
function ownReplicas({ volumes }: ClusterState, name: string): readonly ReplicaSpec[] {
  const spec = volumes[name]?.spec;
  return spec === undefined || spec.joined !== undefined ? [] : spec.replicas;
}

/** Only there where it runs. */
function mountsOf({ spec }: GroupState): readonly Look[] {
  return spec.resources.flatMap((resource) => {
    const subject = mountPointOf(resource);
    if (subject === undefined) return [];
    const full = { kind: 'full' as const, subject };
    return isMeantReadOnly(resource) ? [full] : [full, { kind: 'readOnly' as const, subject }];
  });
}

function isMeantReadOnly({ params }: ResourceDefinition): boolean {
  const options = params['options'] ?? ocfParam(params, 'options');
  return typeof options === 'string' && options.split(',').includes('ro');
}

function interfacesOf({ type, params }: ResourceDefinition): readonly string[] {
  if (type === 'ip' && Array.isArray(params['interfaces']))
    return params['interfaces'].filter((name) => typeof name === 'string');
  const nic = type === 'ocf:heartbeat:IPaddr2' ? ocfParam(params, 'nic') : undefined;
  return typeof nic === 'string' ? [nic] : [];
}

/** Disks that are no mirror: what is written with a reference stands on one that another resource offers. */
function disksOf({ type, params }: ResourceDefinition): readonly string[] {
  const own = type === 'filesystem' || type === 'shared-disk' ? params['device'] : undefined;
  const device = type === 'ocf:heartbeat:Filesystem' ? ocfParam(params, 'device') : own;
  return typeof device === 'string' && device.startsWith('/') && !device.includes('${') ? [device] : [];
}

function ocfParam(params: Readonly<Record<string, unknown>>, name: string): unknown {
  const own = params['params'];
  return typeof own === 'object' && own !== null
    ? Object.entries(own).find(([key]) => key === name)?.[1]
    : undefined;
}
