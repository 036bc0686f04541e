/**
 * What only one may use: a disk (FEATURES C2, C8), a floating address, a directory to mount on. Volumes and groups claim them by what is
 * written in the configuration; that a disk has no other user is checked again by whoever opens it.
 */
import { posix } from 'node:path';
import type { ClusterState, GroupSpec, ResourceDefinition } from './model.ts';
import { atNode, sortedValues } from './model.ts';
import { lunOf } from './joined.ts';
import { devicesOf } from './parts.ts';

interface Claim {
  /** For people: `volume data`, `group web`. */
  readonly user: string;
  /** Null: the same thing wherever it is reached from. */
  readonly node: string | null;
  readonly what: 'disk' | 'address' | 'directory';
  readonly name: string;
}

/** The first two users of one thing, as a sentence. */
export function doubleClaim(state: ClusterState): string | undefined {
  const claims = [
    ...volumeClaims(state),
    ...heartbeatClaims(state),
    ...sortedValues(state.groups).flatMap(({ spec }) => groupClaims(spec)),
  ];
  const byThing = new Map<string, Claim[]>();
  for (const claim of claims) {
    const thing = `${claim.what} ${claim.node} ${wholeDisk(claim.name) ?? claim.name}`;
    const others = byThing.get(thing) ?? [];
    const rival = others.find((other) => clash(other, claim));
    if (rival !== undefined) return sentence(rival, claim);
    byThing.set(thing, [...others, claim]);
  }
  return undefined;
}

function volumeClaims(state: ClusterState): readonly Claim[] {
  return sortedValues(state.volumes).flatMap(({ spec }) => {
    const claims = spec.replicas.flatMap((replica) =>
      devicesOf(replica).map((device) => diskClaim(`volume ${spec.name}`, replica.node, device)),
    );
    return spec.joined === undefined ? claims : claims.filter(isFirst);
  });
}

/** Nodes that share a LUN claim it once. */
function isFirst(claim: Claim, index: number, claims: readonly Claim[]): boolean {
  return claim.node !== null || claims.findIndex(({ name }) => name === claim.name) === index;
}

function heartbeatClaims({ config, members }: ClusterState): readonly Claim[] {
  const nodes = Object.keys(members);
  return config.heartbeatDisks.flatMap(({ device }, index) => {
    const user = `heartbeat disk ${index + 1}`;
    return nodes.flatMap((node) => {
      const path = atNode(device, node);
      return path === undefined ? [] : [diskClaim(user, node, path)];
    });
  });
}

/** A LUN or an export is the same from every node; a path means another disk on each. */
function diskClaim(user: string, node: string, device: string): Claim {
  if (device.includes('://')) return { user, node: null, what: 'disk', name: lunOf(device) };
  return { user, node, what: 'disk', name: plain(device) };
}

function groupClaims(group: GroupSpec): readonly Claim[] {
  const user = `group ${group.name}`;
  return group.resources.flatMap((resource) => {
    const disks = literal(resource, 'device', ['filesystem', 'shared-disk']);
    const directories = literal(resource, 'directory', ['filesystem']);
    return [
      ...disks.flatMap((device) => group.nodes.map((node) => diskClaim(user, node, device))),
      ...directories.flatMap((directory) =>
        group.nodes.map((node) => ({
          user,
          node,
          what: 'directory' as const,
          name: plain(directory),
        })),
      ),
      ...literal(resource, 'address', ['ip']).map((address) => ({
        user,
        node: null,
        what: 'address' as const,
        name: address.split('/')[0]?.toLowerCase() ?? '',
      })),
    ];
  });
}

/** One way to write a path. */
function plain(path: string): string {
  const short = posix.normalize(path);
  return short.length > 1 && short.endsWith('/') ? short.slice(0, -1) : short;
}

/** The parameter, unless it stands for what another resource offers. */
function literal(
  { type, params }: ResourceDefinition,
  key: string,
  types: readonly string[],
): readonly string[] {
  const value = params[key];
  return types.includes(type) && typeof value === 'string' && !value.includes('${') ? [value] : [];
}

/** Of two claims on one thing, or on parts of it. */
function clash(a: Claim, b: Claim): boolean {
  // Inside one group resources may stand on each other: a reservation and the file system on the same disk.
  if (a.user === b.user && !a.user.startsWith('volume')) return false;
  return a.what === 'disk' ? overlaps(a.name, b.name) : a.name === b.name;
}

/** The same device, or a whole disk and one of its partitions. */
export function overlaps(a: string, b: string): boolean {
  return a === b || wholeDisk(a) === b || wholeDisk(b) === a;
}

const PARTITIONS = [
  /^(\/dev\/(?:sd|vd|xvd|hd)[a-z]+)\d+$/,
  /^(\/dev\/(?:nvme\d+n\d+|mmcblk\d+|loop\d+|nbd\d+|md\d+))p\d+$/,
  /^(\/dev\/disk\/by-(?:id|path)\/.+)-part\d+$/,
];

function wholeDisk(device: string): string | undefined {
  for (const pattern of PARTITIONS) {
    const disk = pattern.exec(device)?.[1];
    if (disk !== undefined) return disk;
  }
  return undefined;
}

function sentence(a: Claim, b: Claim): string {
  const where = a.node === null ? '' : ` of ${a.node}`;
  if (a.user === b.user && a.node === null) return `${a.user} has two replicas on ${a.name}`;
  if (a.user === b.user) return `parts of ${a.user} overlap on a disk${where}: ${a.name} and ${b.name}`;
  const users = `${a.user} and ${b.user}`;
  switch (a.what) {
    case 'disk':
      return a.name === b.name
        ? `${users} are on the same disk ${a.name}${where}`
        : `${users} overlap on a disk${where}: ${a.name} and ${b.name}`;
    case 'address':
      return `${users} have the same address ${a.name}`;
    case 'directory':
      return `${users} are mounted on the same directory ${a.name}${where}`;
  }
}
