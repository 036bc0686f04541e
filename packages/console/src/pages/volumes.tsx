import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import { VolumeCard } from '../parts/volume-card.tsx';

export function Volumes() {
  const { t } = useLanguage();
  const { volumes } = useCluster().status;
  return (
    <Section title={t.volumes} create={{ to: '/new/volume', label: t.newVolume }}>
      {volumes.length === 0 && <p className="muted">{t.noVolumes}</p>}
      <div className="cards">
        {volumes.map((volume) => (
          <VolumeCard key={volume.name} volume={volume} />
        ))}
      </div>
    </Section>
  );
}
