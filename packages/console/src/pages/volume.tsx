/** Everything about one volume: its copies as their nodes tell of them, what is under way, orders, a split brain, settings. */
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { api } from '../api/client.ts';
import type { VolumeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Badge } from '../parts/badge.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { ErrorText } from '../parts/order-button.tsx';
import { Section } from '../parts/section.tsx';
import { VolumeFacts } from '../parts/volume-card.tsx';
import { ReplicaCard } from '../parts/volume/replica-card.tsx';
import { VolumeSettings } from '../parts/volume/settings.tsx';
import { SplitBrainView } from '../parts/volume/split-brain.tsx';
import { VolumeOrders } from '../parts/volume/volume-orders.tsx';

/** Copies and comparisons move. */
const POLL_MS = 1000;

export function Volume() {
  const { t } = useLanguage();
  const { name = '' } = useParams();
  const { mayOrder, status } = useCluster();
  const volume = status.volumes.find((one) => one.name === name);
  if (volume === undefined) return <p className="muted">{t.noVolumes}</p>;
  return (
    <>
      <Section title={name} create={{ to: `/volumes/${encodeURIComponent(name)}/exports`, label: t.exports }}>
        <article className="card">
          {volume.replicas.some(({ splitBrain }) => splitBrain) && <Badge tone="bad">{t.splitBrain}</Badge>}
          <VolumeFacts volume={volume} />
          {mayOrder && (
            <footer className="card-actions">
              <VolumeOrders volume={volume} />
            </footer>
          )}
        </article>
      </Section>
      <Copies volume={volume} />
      <VolumeSettings volume={name} />
    </>
  );
}

function Copies({ volume: { name } }: { volume: VolumeStatus }) {
  const { t } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['volume', name],
    queryFn: () => api.volume(name),
    refetchInterval: POLL_MS,
  });
  const parted = data?.replicas.find(({ report }) => report?.peers.some(({ splitBrain }) => splitBrain));
  return (
    <>
      {parted && <SplitBrainView volume={name} node={parted.node} />}
      <Section title={t.copies}>
        {error && <ErrorText error={error} />}
        <div className="cards">
          {data?.replicas.map((replica) => (
            <ReplicaCard key={replica.node} volume={name} replica={replica} />
          ))}
        </div>
      </Section>
    </>
  );
}
