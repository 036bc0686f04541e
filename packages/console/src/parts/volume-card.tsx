import { Link } from 'react-router';
import type { ReplicaStatus, VolumeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Badge } from './badge.tsx';
import { useCluster } from './cluster-context.tsx';
import { CopyLacks, copyState } from './copy-state.tsx';
import { formatSize } from './format.ts';

export function VolumeCard({ volume }: { volume: VolumeStatus }) {
  const { t } = useLanguage();
  return (
    <article className="card">
      <header className="card-head">
        <h3>
          <Link to={`/volumes/${encodeURIComponent(volume.name)}`}>{volume.name}</Link>
        </h3>
        {[...volume.replicas, ...volume.devices].some(({ splitBrain }) => splitBrain) && (
          <Badge tone="bad">{t.splitBrain}</Badge>
        )}
      </header>
      <VolumeFacts volume={volume} />
      <ul className="replicas">
        {volume.replicas.map((replica) => (
          <Replica key={replica.node} replica={replica} volume={volume} />
        ))}
      </ul>
    </article>
  );
}

export function VolumeFacts({ volume }: { volume: VolumeStatus }) {
  const { t } = useLanguage();
  return (
    <dl className="facts-list">
      <dt>{t.size}</dt>
      <dd>
        {formatSize(volume.sizeBytes)} · {t.mode[volume.mode]}
        {volume.growsToBytes !== null && ` · ${t.growsTo(formatSize(volume.growsToBytes))}`}
      </dd>
      {volume.parts.length > 0 && <Parts parts={volume.parts} />}
      {volume.devices.length > 0 && <Devices devices={volume.devices} />}
      <dt>{t.primary}</dt>
      <dd>{volume.primary ?? t.noPrimary}</dd>
      <dt>{t.term}</dt>
      <dd className="number">{volume.term}</dd>
      <dt>{t.inSyncSet}</dt>
      <dd>
        {volume.inSyncSet.join(', ') || '—'} <span className="muted">{t.version(volume.setVersion)}</span>
      </dd>
      <dt>{t.usedBy}</dt>
      <dd>{volume.group ?? '—'}</dd>
    </dl>
  );
}

function Parts({ parts }: Pick<VolumeStatus, 'parts'>) {
  const { t } = useLanguage();
  return (
    <>
      <dt title={t.partsNote}>{t.parts}</dt>
      <dd>{parts.map(({ name, sizeBytes }) => `${name} ${formatSize(sizeBytes)}`).join(', ')}</dd>
    </>
  );
}

/** Shared by the nodes: each is a copy, wherever it is served. */
function Devices({ devices }: Pick<VolumeStatus, 'devices'>) {
  const { t } = useLanguage();
  return (
    <>
      <dt title={t.devicesNote}>{t.devices}</dt>
      <dd>
        {devices.map(({ name, disk, dirtyBytes }) => (
          <div key={name}>
            {name} {t.diskState[disk]}
            {dirtyBytes > 0 && <span className="muted"> {formatSize(dirtyBytes)}</span>}
          </div>
        ))}
      </dd>
    </>
  );
}

function Replica({ replica, volume }: { replica: ReplicaStatus; volume: VolumeStatus }) {
  const { t } = useLanguage();
  const { status } = useCluster();
  const node = status.nodes.find(({ name }) => name === replica.node);
  const { tone, word, isAway } = copyState(t, replica, volume, node?.state);
  const inSet = volume.inSyncSet.includes(replica.node);
  return (
    <li className="replica">
      <div className="replica-head">
        <strong>{replica.node}</strong>
        {volume.primary === replica.node && <span className="pill">{t.primary}</span>}
        <Badge tone={tone}>{word}</Badge>
      </div>
      {volume.devices.length === 0 && <span className="muted">{inSet ? t.inSync : t.notInSync}</span>}
      <CopyLacks replica={replica} volume={volume} isAway={isAway} />
    </li>
  );
}
