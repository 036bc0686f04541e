import { useState } from 'react';
import type { ClusterEvent } from '../api/types.ts';
import { eventText } from '../i18n/event-text.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { EventList } from '../parts/event-list.tsx';
import { Section } from '../parts/section.tsx';

export function Events() {
  const { t, language } = useLanguage();
  const { events } = useCluster();
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const [search, setSearch] = useState('');
  const matches = (event: ClusterEvent) => {
    const { headline, detail } = eventText(event, language);
    const text = `${headline} ${detail ?? ''} ${event.by ?? ''}`.toLowerCase();
    return (!onlyTrouble || event.level !== 'info') && text.includes(search.trim().toLowerCase());
  };
  const shown = events.filter(matches);
  return (
    <Section title={t.navEvents}>
      <div className="filters">
        <div className="segments" role="group">
          <button type="button" aria-pressed={!onlyTrouble} onClick={() => setOnlyTrouble(false)}>
            {t.everything}
          </button>
          <button type="button" aria-pressed={onlyTrouble} onClick={() => setOnlyTrouble(true)}>
            {t.fromWarning}
          </button>
        </div>
        <input
          type="search"
          placeholder={t.search}
          aria-label={t.search}
          value={search}
          onChange={(change) => setSearch(change.target.value)}
        />
      </div>
      {shown.length > 0 ? (
        <EventList events={shown} />
      ) : (
        <p className="muted">{events.length === 0 ? t.noEvents : t.noMatch}</p>
      )}
    </Section>
  );
}
