import type { ClusterEvent } from '../api/types.ts';
import { eventText } from '../i18n/event-text.ts';
import { useLanguage } from '../i18n/language.tsx';
import { formatDay, formatTime } from './format.ts';
import { ToneIcon } from './icon.tsx';
import type { Tone } from './tone.ts';

const TONE: Readonly<Record<ClusterEvent['level'], Tone>> = { info: 'idle', warning: 'warn', error: 'bad' };

/** Newest first, a heading per day. */
export function EventList({ events }: { events: readonly ClusterEvent[] }) {
  const { language } = useLanguage();
  const newestFirst = events.toReversed();
  return (
    <ol className="events">
      {newestFirst.map((event, index) => {
        const day = formatDay(event.atMs, language);
        const previous = newestFirst[index - 1];
        const isNewDay = previous === undefined || formatDay(previous.atMs, language) !== day;
        return (
          <li key={event.id}>
            {isNewDay && <h3 className="day">{day}</h3>}
            <EventRow event={event} />
          </li>
        );
      })}
    </ol>
  );
}

function EventRow({ event }: { event: ClusterEvent }) {
  const { t, language } = useLanguage();
  const { headline, detail } = eventText(event, language);
  return (
    <div className={`event tone-${TONE[event.level]}`}>
      <time className="number" dateTime={new Date(event.atMs).toISOString()}>
        {formatTime(event.atMs)}
      </time>
      <span title={t.level[event.level]}>
        <ToneIcon tone={TONE[event.level]} size={14} />
      </span>
      <span>
        {headline}
        {event.by !== undefined && <span className="muted"> {t.byWhom(event.by)}</span>}
        {detail !== null && <span className="event-detail">{detail}</span>}
      </span>
    </div>
  );
}
