import { ClusterMap } from '../parts/cluster-map.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { EventList } from '../parts/event-list.tsx';
import { HealthBanner } from '../parts/health-banner.tsx';
import { ToneIcon } from '../parts/icon.tsx';
import { Section } from '../parts/section.tsx';
import { useLanguage } from '../i18n/language.tsx';

const RECENT = 8;

export function Overview() {
  const { t, said } = useLanguage();
  const { status, events } = useCluster();
  return (
    <>
      <HealthBanner />
      {status.warnings.length > 0 && (
        <ul className="warnings" aria-label={t.warnings}>
          {status.warnings.map((warning) => (
            <li key={warning}>
              <ToneIcon tone="warn" />
              {said(warning)}
            </li>
          ))}
        </ul>
      )}
      <Section title={t.map}>
        <ClusterMap />
      </Section>
      <Section title={t.recent} to="/events">
        {events.length === 0 ? (
          <p className="muted">{t.noEvents}</p>
        ) : (
          <EventList events={events.slice(-RECENT)} />
        )}
      </Section>
    </>
  );
}
