import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';

export function Section({
  title,
  to,
  note,
  children,
}: {
  title: string;
  to?: string;
  note?: string;
  children: ReactNode;
}) {
  const { t } = useLanguage();
  return (
    <section className="section">
      <header className="section-head">
        <h2>{title}</h2>
        {to !== undefined && (
          <Link to={to} className="quiet-link">
            {t.all}
          </Link>
        )}
      </header>
      {note !== undefined && <p className="note">{note}</p>}
      {children}
    </section>
  );
}
