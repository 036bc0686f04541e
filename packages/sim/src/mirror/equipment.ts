import type { ReadPolicy, VolumeConfig } from '@eterne/disk/engine/api.ts';
import { layoutName, type SetMember, windowOf } from '@eterne/disk/engine/set/members.ts';
import { ChainedDisks, type ReplicaDisk } from '../world/replica-disk.ts';
import type { SimDisk } from '../world/disk.ts';
import type { SimNode } from '../world/node.ts';

/** What the scenario's volume has, and what happens to it, besides what every mirror has. */
export interface Equipment {
  readonly checksums: NonNullable<VolumeConfig['checksums']>;
  readonly readPolicy: ReadPolicy;
  /** Networks between each two machines; 0: the one that everything goes over. */
  readonly paths: number;
  /** Volumes of the mirror set; 1: no set. */
  readonly members: number;
  /** The first primary's disk is in use already; the others hold something else. */
  readonly isAdopted: boolean;
  /** `internal`: on the disk of the data, which need not be a mirror set's. */
  readonly metadata: 'external' | 'internal';
  /** So much of each disk lies behind the volume, and has been used for something else. */
  readonly spareBytes: number;
}

export const PLAIN: Equipment = {
  checksums: 'none',
  readPolicy: 'local',
  paths: 0,
  members: 1,
  isAdopted: false,
  metadata: 'external',
  spareBytes: 0,
};

export const VOLUME = 'v0';
export const METADATA_PATH = 'data.meta';
const BLOCK_BYTES = 4096;

/** The disks that a replica's data is on, in order. */
export interface DataLayout {
  readonly paths: readonly string[];
  /** Of a mirror set. */
  readonly members: readonly SetMember[] | undefined;
  /** Of a mirror set: its name in the metadata. */
  readonly setLayout: string | undefined;
}

export function dataLayout(memberCount: number, sizeBytes: number): DataLayout {
  if (memberCount === 1) return { paths: ['data.img'], members: undefined, setLayout: undefined };
  const partBytes = Math.floor(sizeBytes / memberCount / BLOCK_BYTES) * BLOCK_BYTES;
  const members = Array.from({ length: memberCount }, (_, index) => ({
    name: `m${index}`,
    sizeBytes: index < memberCount - 1 ? partBytes : sizeBytes - partBytes * (memberCount - 1),
    devicePath: `data.${index}.img`,
  }));
  return { paths: members.map(({ devicePath }) => devicePath), members, setLayout: layoutName(members) };
}

export function dataDisks(node: SimNode, { paths }: DataLayout): readonly SimDisk[] {
  return paths.map((path) => node.disk(path));
}

/** A replica's data as one. */
export function replicaDisk(node: SimNode, { paths, members }: DataLayout): ReplicaDisk {
  if (members === undefined) return node.disk(paths[0] ?? '');
  const parts = members.map(({ devicePath }, index) => ({
    start: windowOf(members, index, 0).start,
    disk: node.disk(devicePath),
  }));
  return new ChainedDisks(`${node.name}:data`, parts);
}
