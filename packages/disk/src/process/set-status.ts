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
