/** What surrounds every page: name, navigation, who is logged in, and a warning when the view may be old. */
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { NavLink } from 'react-router';
import { api } from './api/client.ts';
import type { ClusterStatus } from './api/types.ts';
import { useLanguage } from './i18n/language.tsx';
import type { Messages } from './i18n/en.ts';
import { useCluster } from './parts/cluster-context.tsx';
import { consoleUrl } from './parts/console-url.ts';
import { Logo, ShapeIcon, type ShapeName } from './parts/icon.tsx';
import { useTheme } from './parts/theme.ts';

interface Page {
  readonly to: string;
  readonly shape: ShapeName;
  readonly label: keyof Messages;
  readonly adminOnly?: true;
}

const PAGES: readonly Page[] = [
  { to: '/', shape: 'overview', label: 'navOverview' },
  { to: '/groups', shape: 'groups', label: 'navGroups' },
  { to: '/volumes', shape: 'volumes', label: 'navVolumes' },
  { to: '/nodes', shape: 'nodes', label: 'navNodes' },
  { to: '/events', shape: 'events', label: 'navEvents' },
  { to: '/configuration', shape: 'configuration', label: 'navConfiguration' },
  { to: '/accounts', shape: 'accounts', label: 'navAccounts', adminOnly: true },
];

export function Frame({ connected, children }: { connected: boolean; children: ReactNode }) {
  const { t } = useLanguage();
  const { status, session } = useCluster();
  const pages = PAGES.filter(({ adminOnly }) => adminOnly !== true || session.role === 'admin');
  useEffect(() => {
    document.title = `${status.cluster} · ${t.appName}`;
  }, [status.cluster, t]);
  return (
    <div className="frame">
      <header className="top">
        <span className="brand">
          <Logo />
          <strong>{t.appName}</strong>
          <span className="muted">{status.cluster}</span>
        </span>
        <SessionMenu />
      </header>
      <nav className="nav">
        {pages.map(({ to, shape, label }) => (
          <NavLink key={to} to={to} end={to === '/'} className="nav-link">
            <ShapeIcon shape={shape} />
            <span>{t[label] as string}</span>
          </NavLink>
        ))}
      </nav>
      <main className="page">
        {!connected && <Disconnected status={status} />}
        {children}
      </main>
    </div>
  );
}

function SessionMenu() {
  const { t, toggle } = useLanguage();
  const { session } = useCluster();
  const { theme, next } = useTheme();
  const queries = useQueryClient();
  const logOut = async () => {
    await api.logOut();
    queries.setQueryData(['session'], null);
  };
  return (
    <span className="session">
      <span className="muted session-who" title={t.role[session.role]}>
        {session.user}
      </span>
      <button
        type="button"
        className="quiet"
        onClick={next}
        title={t.theme[theme]}
        aria-label={t.theme[theme]}
      >
        {theme === 'auto' ? '◐' : theme === 'light' ? '☀' : '☾'}
      </button>
      <button type="button" className="quiet" onClick={toggle}>
        {t.language}
      </button>
      <button type="button" className="quiet" onClick={() => void logOut()}>
        {t.logOut}
      </button>
    </span>
  );
}

/** The node may be the one that failed: any other shows the same cluster. */
function Disconnected({ status }: { status: ClusterStatus }) {
  const { t } = useLanguage();
  const others = status.nodes
    .filter(({ name }) => name !== status.reportedBy)
    .map((node) => ({ name: node.name, url: consoleUrl(node) }));
  return (
    <div className="disconnected" role="alert">
      <p>{t.disconnected(status.reportedBy)}</p>
      <p>
        {t.tryOther}
        {others.map(
          ({ name, url }) =>
            url !== null && (
              <a key={name} href={url}>
                {name}
              </a>
            ),
        )}
      </p>
    </div>
  );
}
