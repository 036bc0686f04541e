import type { VolumeConfig, VolumeStatus } from '../engine/api.ts';
import { windowOf } from '../engine/set/members.ts';

/**
 * What is shown of a volume; of a mirror set, for each of its volumes the set's status with that volume's name, size and attached device.
 * `attached`: one for each of them.
 */
export function statusesOf(
  { members, name: set }: VolumeConfig,
  status: VolumeStatus,
  attached: readonly (string | null)[],
): VolumeStatus[] {
  if (members === undefined) return [{ ...status, attached: attached[0] ?? null }];
  const statusOf = (name: string, index: number): VolumeStatus => ({
    ...status,
    name,
    mirrorSet: set,
    sizeBytes: windowOf(members, index, status.sizeBytes).sizeBytes,
    attached: attached[index] ?? null,
  });
  return members.map(({ name }, index) => statusOf(name, index));
}

/** Does a volume go by this name, or its set? */
export function goesBy({ mirrorSet, name }: VolumeStatus, asked: string): boolean {
  return name === asked || mirrorSet === asked;
}

/** The other way round: each mirror set once, by its own name and with the size of all its volumes. They are attached one by one, if at all. */
export function wholeStatuses(statuses: readonly VolumeStatus[]): readonly VolumeStatus[] {
  const wholes = new Map<string, VolumeStatus>();
  for (const { mirrorSet, ...status } of statuses) {
    const before = mirrorSet === undefined ? undefined : wholes.get(mirrorSet);
    const name = mirrorSet ?? status.name;
    const sizeBytes = (before?.sizeBytes ?? 0) + status.sizeBytes;
    wholes.set(name, mirrorSet === undefined ? status : { ...status, name, sizeBytes, attached: null });
  }
  return [...wholes.values()];
}
