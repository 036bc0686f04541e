/**
 * How fit this node is to be promoted, from what its disk process says of the volume. Pure.
 *
 * A replica that has lost its primary is Consistent: it holds everything acknowledged unless the primary went on alone, and the primary
 * goes on only when the loss is marked in the cluster's configuration (`peer-lost.ts`). So a Consistent replica may be promoted where there is no mark.
 */
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';

export type Standing = 'primary' | 'current' | 'unless-marked' | 'unfit';

export function standingOf({ role, disk }: VolumeStatus): Standing {
  if (role === 'primary') return 'primary';
  if (disk === 'UpToDate') return 'current';
  return disk === 'Consistent' ? 'unless-marked' : 'unfit';
}

const SCORES: Readonly<Record<Standing, number | null>> = {
  primary: 10_000,
  current: 1_000,
  'unless-marked': 100,
  unfit: null,
};

/** Pacemaker promotes where the score is highest, and nowhere without one. */
export function scoreOf(standing: Standing, isMarked: boolean): number | null {
  return isMarked && standing !== 'primary' ? null : SCORES[standing];
}
