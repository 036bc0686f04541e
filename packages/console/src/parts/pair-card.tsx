/** Of two nodes without a third voter: what happens when they no longer hear each other, and where to change it. */
import { Link } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { isUndecidedPair, presentPreference } from '../wizards/pair-document.ts';
import { Badge } from './badge.tsx';
import { useCluster } from './cluster-context.tsx';

export function PairCard() {
  const { t } = useLanguage();
  const { session, status } = useCluster();
  if (!isUndecidedPair(status)) return null;
  return (
    <article className="card pair" aria-label={t.pairTitle}>
      <header className="card-head">
        <h3>{t.pairTitle}</h3>
        <Badge tone="warn">{t.pairNoThird}</Badge>
      </header>
      <p>{t.pairNow[presentPreference(status)]}</p>
      {session.role === 'admin' && (
        <footer className="card-actions">
          <Link to="/new/pair" className="button">
            {t.pairDecide}
          </Link>
        </footer>
      )}
    </article>
  );
}
