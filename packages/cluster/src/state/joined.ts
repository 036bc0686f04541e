/**
 * Volumes on devices that several nodes reach (FEATURES C3): each device is a whole copy, and whichever node serves the volume writes all of them
 * (`packages/disk/src/joined`). The cluster says which node that is; which device leads, and which of them have everything, is decided by what lies on the
 * devices. What the state has of that (`inSyncSet`, by names of devices) was told afterwards: it is shown, and says that the devices are not blank for being new.
 *
 * Before another node opens them, the one before has closed them, or is kept from writing by `fence`:
 *   reservation — every device is a LUN that takes a persistent reservation, which the next node preempts
 *   fencing     — every node has a fence device, and nobody takes over before it has confirmed (which is not waited for beside a watchdog)
 *   lock        — files on a file system whose locks reach across the nodes, and tests: the next node cannot open them before
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterState, JoinedSpec, ReplicaSpec, VolumeSpec, VolumeState } from './model.ts';
import { prefersAvailability } from './model.ts';
import type { Refusal } from './outcome.ts';
import { devicesOf } from './parts.ts';
import type { VolumeOrder } from './volume-orders.ts';

export const DEVICES_MAX = 8;

const LUN = /^iscsi:\/\//;
const FILE = /^\/(?!dev\/)/;

/** Who can be in the in-sync set: nodes, or devices that they share. */
export function copiesOf({ joined, replicas }: VolumeSpec): readonly string[] {
  return joined?.devices ?? replicas.map(({ node }) => node);
}

/** Devices as one node reaches them, by name. */
export function devicePaths({ joined }: VolumeSpec, replica: ReplicaSpec): readonly [string, string][] {
  const paths = devicesOf(replica);
  return (joined?.devices ?? []).map((name, index) => [name, paths[index] ?? '']);
}

/** One LUN, whichever way it is written: without who asks for it and how. */
export function lunOf(uri: string): string {
  const [, target = uri] = /^iscsi:\/\/(?:[^@/]*@)?([^?]*)/.exec(uri) ?? [];
  return LUN.test(uri) ? `iscsi://${target.replace(/^((?:\[[^\]]*\]|[^/:]+))\//, '$1:3260/')}` : uri;
}

export function joinedRule(state: ClusterState, spec: VolumeSpec): string | undefined {
  const { joined, replicas } = spec;
  if (joined === undefined) return undefined;
  const subject = `volume ${spec.name}`;
  const count = joined.devices.length;
  if (count < 2 || count > DEVICES_MAX) return `${subject} needs 2 to ${DEVICES_MAX} devices`;
  if (new Set(joined.devices).size < count) return `${subject} has two devices of one name`;
  for (const replica of replicas) {
    const places = devicesOf(replica).map(lunOf);
    if (new Set(places).size < places.length)
      return `${subject} has two devices on one disk of ${replica.node}`;
  }
  if (prefersAvailability(state.config))
    return `${subject} is on devices that both nodes reach, and prefer: availability lets both take them`;
  return unsupported(spec, subject) ?? fenceRule(state, spec, joined.fence);
}

function unsupported(spec: VolumeSpec, subject: string): string | undefined {
  if (spec.parts.length > 0) return `${subject} has devices, which no volume with parts may have`;
  if (spec.mode !== 'sync') return `${subject} has devices, which are written synchronously`;
  if (spec.rescueJournal !== null) return `${subject} has devices, beside which no rescue journal is kept`;
  if (spec.onDiskError !== 'serve-from-peer')
    return `${subject} has devices: to move away from a lost one would help nobody (onDiskError)`;
  if (spec.exports.some(({ kind }) => kind === 'iscsi'))
    return `${subject} has devices: the reservations of an iscsi export would not move to another node with it`;
  return undefined;
}

function fenceRule(state: ClusterState, spec: VolumeSpec, fence: JoinedSpec['fence']): string | undefined {
  const subject = `volume ${spec.name}`;
  for (const replica of spec.replicas)
    for (const [name, path] of devicePaths(spec, replica)) {
      const broken = deviceRule(path, fence);
      if (broken !== undefined)
        return `${subject}: device ${name} on ${replica.node}, ${withoutPassword(path)}, ${broken}`;
    }
  return twinRule(spec, subject) ?? (fence === 'fencing' ? fencingRule(state, spec, subject) : undefined);
}

function deviceRule(path: string, fence: JoinedSpec['fence']): string | undefined {
  if (fence === 'reservation' && !LUN.test(path))
    return 'takes no reservation, so nothing keeps a node that was paused from writing to it; give a LUN (iscsi://…), or say fence: fencing (block devices, where every node has a fence device) or fence: lock (files whose locks reach across the nodes)';
  if (fence === 'lock' && !FILE.test(path))
    return 'is no file, and fence: lock is for files whose locks reach across the nodes';
  if (!LUN.test(path) && !path.startsWith('/'))
    return 'is neither a LUN (iscsi://…) nor an absolute path; an NBD export may still do what it was asked by a node that has stopped';
  return undefined;
}

/** Two nodes of one name are one to a target. */
function twinRule({ joined, replicas }: VolumeSpec, subject: string): string | undefined {
  for (const index of joined?.devices.keys() ?? []) {
    const hosts = replicas.map((replica) => {
      const [, host] = /[?&]initiator=([^&]*)/.exec(devicesOf(replica)[index] ?? '') ?? [];
      return host;
    });
    const twin = hosts.find((host, at) => host !== undefined && hosts.indexOf(host) < at);
    if (twin !== undefined)
      return `${subject}: two of its nodes have one initiator name, ${twin}, so that a reservation cannot tell them apart`;
  }
  return undefined;
}

function fencingRule(
  { config }: ClusterState,
  { replicas }: VolumeSpec,
  subject: string,
): string | undefined {
  const bare = replicas.find(({ node }) => !config.fencing.some((device) => device.node === node));
  if (bare !== undefined) return `${subject}: fence: fencing needs a fence device of ${bare.node}`;
  if (config.watchdog !== null)
    return `${subject}: fence: fencing needs nodes that are waited for until a fence is confirmed; with a watchdog (cluster.watchdog) nobody waits longer than for that, and a machine that is paused takes it along`;
  return undefined;
}

const withoutPassword = (path: string): string => path.replace(/^(iscsi:\/\/[^@%/]+)%[^@/]*@/, '$1@');

/** What may not be changed of one that exists. */
export function joinedChangeRefusal(
  { primary, spec: present }: VolumeState,
  spec: VolumeSpec,
): Refusal | undefined {
  if (!isDeepStrictEqual(present.joined?.devices, spec.joined?.devices))
    return {
      code: 'refused',
      message: `volume ${spec.name}: its devices, and their order, stay as they were made`,
    };
  if (spec.joined === undefined || primary === null) return undefined;
  const own = (of: VolumeSpec): ReplicaSpec | undefined => of.replicas.find(({ node }) => node === primary);
  if (own(spec) === undefined)
    return { code: 'refused', message: `volume ${spec.name} is served by ${primary}; move its group first` };
  const isSame = isDeepStrictEqual(present.replicas.map(devicesOf), spec.replicas.map(devicesOf));
  const others = spec.replicas.filter(({ node }) => present.replicas.some((before) => before.node === node));
  const moved = others.find((replica) => {
    const before = present.replicas.find(({ node }) => node === replica.node);
    return before !== undefined && !isDeepStrictEqual(devicesOf(before), devicesOf(replica));
  });
  if (isSame || moved === undefined) return undefined;
  return {
    code: 'refused',
    message: `volume ${spec.name} is served by ${primary}: stop its group before its devices are reached in another way on ${moved.node}`,
  };
}

/** Orders are put to whoever serves it; other copies are devices. */
export function joinedOrderRefusal(
  { primary, spec }: VolumeState,
  node: string,
  order: VolumeOrder,
): Refusal | undefined {
  const { name } = spec;
  const refuse = (message: string): Refusal => ({ code: 'refused', message });
  if (primary !== node) return refuse(`volume ${name} is not served by ${node}`);
  if ('peer' in order && order.peer !== undefined && !copiesOf(spec).includes(order.peer))
    return refuse(`volume ${name} has no device ${order.peer}`);
  switch (order.verb) {
    case 'verify':
    case 'resync':
    case 'connect':
    case 'disconnect':
      return undefined;
    case 'attach':
      return order.replaced ? refuse('a blank device is found out by itself, and copied to') : undefined;
    case 'resolve':
      return order.discard === 'remote'
        ? undefined
        : refuse(
            `the device in the lead wins: stop the group, and say \`eterne volume accept-loss ${name} --node DEVICE\` of another`,
          );
    default:
      return { code: 'unsupported', message: `a volume with devices knows no ${order.verb}` };
  }
}
