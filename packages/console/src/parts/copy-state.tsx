/** How a copy of a volume is. Of one that nobody reaches, its node is what there is to tell; what it lacks is not being copied. */
import type { NodeStatus, ReplicaStatus, VolumeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import type { Messages } from '../i18n/en.ts';
import { formatSize } from './format.ts';
import { SyncBar } from './sync-bar.tsx';
import { diskTone, type Tone } from './tone.ts';

export interface CopyState {
  readonly tone: Tone;
  readonly word: string;
  readonly isAway: boolean;
}

export function copyState(
  t: Messages,
  { disk }: Pick<ReplicaStatus, 'disk'>,
  { primary }: Pick<VolumeStatus, 'primary'>,
  node: NodeStatus['state'] | undefined,
): CopyState {
  if (node === 'lost') return { tone: 'warn', word: t.nodeIsLost, isAway: true };
  const isApart = disk === 'Unknown' && primary !== null;
  return {
    tone: diskTone(disk),
    word: isApart ? t.connection.Connecting : t.diskState[disk],
    isAway: disk === 'Unknown',
  };
}

interface LacksProps {
  readonly replica: ReplicaStatus;
  readonly volume: VolumeStatus;
  readonly isAway: boolean;
}

/** What a copy lacks, if anything. */
export function CopyLacks({ replica: { dirtyBytes }, volume, isAway }: LacksProps) {
  const { t } = useLanguage();
  if (dirtyBytes === 0) return null;
  if (isAway)
    return (
      <span className="sync">
        <span className="sync-text">{t.copiedWhenBack(formatSize(dirtyBytes))}</span>
      </span>
    );
  return <SyncBar dirtyBytes={dirtyBytes} sizeBytes={volume.sizeBytes} />;
}
