/**
 * The disks of a volume as its document has them: one, with a device on every node, or parts that are disks of their own, or devices that several nodes
 * reach.
 */
import { EterneError } from '@eterne/base';
import {
  atNode,
  type JoinedSpec,
  type PerNode,
  type VolumeExport,
  type VolumeSpec,
} from '../../state/model.ts';

/** Node → device. */
type Devices = Readonly<Record<string, string>>;

export interface GivenPart {
  readonly name: string;
  readonly size: number;
  readonly replicas: Devices;
  readonly exports: readonly VolumeExport[];
}

export interface GivenDisks {
  readonly size?: number | undefined;
  readonly replicas?: Devices | undefined;
  readonly exports: readonly VolumeExport[];
  readonly parts?: readonly GivenPart[] | undefined;
  readonly devices?: Readonly<Record<string, PerNode>> | undefined;
  readonly nodes?: readonly string[] | undefined;
  readonly fence?: JoinedSpec['fence'] | undefined;
}

type Disks = Pick<VolumeSpec, 'sizeBytes' | 'replicas' | 'exports' | 'parts' | 'joined'>;

/** Throws `config` unless they are given once: by the volume, or by its parts. */
export function disksOf(volume: string, given: GivenDisks): Disks {
  const { devices, exports, fence, nodes, parts, replicas, size } = given;
  if (devices !== undefined) {
    if (size === undefined || nodes === undefined || replicas !== undefined || parts !== undefined)
      throw new EterneError(
        'config',
        `volume ${volume} has devices: it needs size and nodes, and neither replicas nor parts`,
      );
    const joined = { devices: Object.keys(devices), fence: fence ?? 'reservation' };
    return { sizeBytes: size, replicas: reachedFrom(volume, nodes, devices), exports, parts: [], joined };
  }
  if (nodes !== undefined || fence !== undefined)
    throw new EterneError('config', `volume ${volume}: nodes and fence go with devices`);
  if (parts !== undefined) {
    if (size !== undefined || replicas !== undefined || exports.length > 0)
      throw new EterneError('config', `volume ${volume}: size, replicas and exports are those of its parts`);
    return disksOfParts(volume, parts);
  }
  if (size === undefined || replicas === undefined)
    throw new EterneError(
      'config',
      `volume ${volume} needs size and replicas, or parts, or size, devices and nodes`,
    );
  const placed = Object.entries(replicas).map(([node, device]) => ({ node, device }));
  return { sizeBytes: size, replicas: placed, exports, parts: [] };
}

function reachedFrom(
  volume: string,
  nodes: readonly string[],
  devices: Readonly<Record<string, PerNode>>,
): VolumeSpec['replicas'] {
  const all = Object.entries(devices);
  const stranger = all.flatMap(([, paths]) => (typeof paths === 'string' ? [] : Object.keys(paths)));
  const unknown = stranger.find((node) => !nodes.includes(node));
  if (unknown !== undefined)
    throw new EterneError(
      'config',
      `volume ${volume} has a device on ${unknown}, which is none of its nodes`,
    );
  return nodes.map((node) => {
    const [device = '', ...behind] = all.map(([name, paths]) => {
      const path = atNode(paths, node);
      if (path !== undefined) return path;
      throw new EterneError('config', `volume ${volume}: it is not said where device ${name} is on ${node}`);
    });
    return { node, device, behind };
  });
}

function disksOfParts(volume: string, parts: readonly GivenPart[]): Disks {
  const [first, ...others] = parts;
  const places = first?.replicas ?? {};
  const nodesOf = (devices: Devices): string => Object.keys(devices).toSorted().join(', ');
  const uneven = others.find((part) => nodesOf(part.replicas) !== nodesOf(places));
  if (uneven !== undefined)
    throw new EterneError(
      'config',
      `volume ${volume}: part ${uneven.name} is on ${nodesOf(uneven.replicas)}, and part ${first?.name} on ${nodesOf(places)}; every replica has all parts`,
    );
  let sizeBytes = 0;
  const placed = parts.map(({ exports, name, size }) => {
    const startBytes = sizeBytes;
    sizeBytes += size;
    return { name, startBytes, exports };
  });
  const replicas = Object.entries(places).map(([node, device]) => ({
    node,
    device,
    behind: others.map((part) => part.replicas[node] ?? ''),
  }));
  return { sizeBytes, replicas, exports: [], parts: placed };
}
