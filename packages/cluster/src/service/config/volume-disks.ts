/** The disks of a volume as its document has them: one, with a device on every node, or parts that are disks of their own. */
import { EterneError } from '@eterne/base';
import type { VolumeExport, VolumeSpec } from '../../state/model.ts';

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
}

type Disks = Pick<VolumeSpec, 'sizeBytes' | 'replicas' | 'exports' | 'parts'>;

/** Throws `config` unless they are given once: by the volume, or by its parts. */
export function disksOf(volume: string, { exports, parts, replicas, size }: GivenDisks): Disks {
  if (parts !== undefined) {
    if (size !== undefined || replicas !== undefined || exports.length > 0)
      throw new EterneError('config', `volume ${volume}: size, replicas and exports are those of its parts`);
    return disksOfParts(volume, parts);
  }
  if (size === undefined || replicas === undefined)
    throw new EterneError('config', `volume ${volume} needs size and replicas, or parts`);
  const placed = Object.entries(replicas).map(([node, device]) => ({ node, device }));
  return { sizeBytes: size, replicas: placed, exports, parts: [] };
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
