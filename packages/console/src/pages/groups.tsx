import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { GroupCard } from '../parts/group-card.tsx';
import { MaintenanceButton } from '../parts/maintenance-button.tsx';
import { Section } from '../parts/section.tsx';

export function Groups() {
  const { t } = useLanguage();
  const { mayOrder, status } = useCluster();
  const { groups, maintenance } = status;
  return (
    <Section title={t.groups} create={{ to: '/new/service', label: t.newService }}>
      {groups.length === 0 && <p className="muted">{t.noGroups}</p>}
      <div className="cards">
        {groups.map((group) => (
          <GroupCard key={group.name} group={group} />
        ))}
      </div>
      {mayOrder && groups.length > 0 && (
        <footer className="card-actions">
          <span className="muted">{t.wholeCluster}</span>
          <MaintenanceButton group={null} isOn={maintenance} />
        </footer>
      )}
    </Section>
  );
}
