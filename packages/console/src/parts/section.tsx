import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from './cluster-context.tsx';

export function Section({
  title,
  to,
  note,
  create,
  children,
}: {
  title: string;
  to?: string;
  note?: string;
  /** What can be made here: a link to the wizard, for those who may. */
  create?: { readonly to: string; readonly label: string };
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
        {create !== undefined && <CreateLink {...create} />}
      </header>
      {note !== undefined && <p className="note">{note}</p>}
      {children}
    </section>
  );
}

function CreateLink({ to, label }: { to: string; label: string }) {
  const { session } = useCluster();
  if (session.role !== 'admin') return null;
  return (
    <Link to={to} className="button primary">
      {label}
    </Link>
  );
}
