/** What `eterne disk wait --for …` waits for. */
import type { DiskState, ReplicationState, VolumeStatus } from '../engine/api.ts';

export const WAIT_GOALS = ['connected', 'uptodate', 'synced'] as const;
/** A verify compares copies that are equal as far as anybody knows. */
const IN_STEP: readonly ReplicationState[] = ['Established', 'VerifySource', 'VerifyTarget'];
/** Of a device that is there. */
const ABSENT: readonly DiskState[] = ['Attaching', 'Diskless', 'Failed'];
export type WaitGoal = (typeof WAIT_GOALS)[number];

/**
 * `connected`: every peer, or device, is. `uptodate`: the local replica is. `synced`: all replicas are connected and UpToDate and not one
 * block differs.
 */
export function hasReached(status: VolumeStatus, goal: WaitGoal): boolean {
  const { localReplicas = [] } = status;
  const connected =
    status.peers.every(({ connection }) => connection === 'Connected') &&
    localReplicas.every(({ disk }) => !ABSENT.includes(disk));
  switch (goal) {
    case 'connected':
      return connected;
    case 'uptodate':
      return status.disk === 'UpToDate';
    case 'synced':
      return (
        connected &&
        status.disk === 'UpToDate' &&
        status.dirtyBytes === 0 &&
        localReplicas.every(({ disk, dirtyBytes }) => disk === 'UpToDate' && dirtyBytes === 0) &&
        status.peers.every(
          ({ disk, replication, dirtyBytes }) =>
            disk === 'UpToDate' && IN_STEP.includes(replication) && dirtyBytes === 0,
        )
      );
  }
}
