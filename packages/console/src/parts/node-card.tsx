import { Link } from 'react-router';
import type { NodeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Badge } from './badge.tsx';
import { useCluster } from './cluster-context.tsx';
import { consoleUrl } from './console-url.ts';
import { ToneIcon } from './icon.tsx';
import { NodeOrders } from './node-orders.tsx';
import { nodeTone } from './tone.ts';
import { WhatIfButton } from './what-if.tsx';

const DAEMONS = ['service', 'monitor', 'heart', 'disk'] as const;
/** A witness runs no more than these. */
const WITNESS_DAEMONS = ['service', 'heart'] as const;

export function NodeCard({ node }: { node: NodeStatus }) {
  const { t, said } = useLanguage();
  const { mayOrder, session, status } = useCluster();
  const url = consoleUrl(node);
  const aside = node.state === 'lost' && node.mode !== 'active' ? node.mode : undefined;
  const daemons = node.role === 'witness' ? WITNESS_DAEMONS : DAEMONS;
  return (
    <article className="card">
      <header className="card-head">
        <h3>{node.name}</h3>
        {node.leader && <span className="pill">{t.leader}</span>}
        <Badge tone={nodeTone(node.state)}>{t.nodeState[node.state]}</Badge>
      </header>
      <p className="muted">
        {t.nodeRole[node.role]} · {t.incarnation(node.incarnation)} · {t.featureLevel(node.featureLevel)}
        {aside !== undefined && ` · ${t.nodeState[aside]}`}
      </p>
      {node.enforcement !== null && <p className="muted">{t.enforcement[node.enforcement]}</p>}
      <dl className="facts-list daemons">
        {daemons.map((daemon) => (
          <Daemon key={daemon} name={daemon} pid={node.state === 'lost' ? null : node.pids[daemon]} />
        ))}
      </dl>
      {node.troubles.length > 0 && (
        <ul className="candidates" aria-label={t.troubles}>
          {node.troubles.map(({ kind, subject, detail }) => (
            <li key={`${kind} ${subject}`}>
              <ToneIcon tone="warn" />
              <span title={said(detail)}>{t.trouble[kind](subject, detail)}</span>
            </li>
          ))}
        </ul>
      )}
      <footer className="card-actions">
        <WhatIf node={node} />
        {node.name !== status.reportedBy && url !== null && (
          <a className="button quiet" href={url}>
            {t.openConsole}
          </a>
        )}
        {session.role === 'admin' && node.role === 'node' && (
          <Link to={`/nodes/${encodeURIComponent(node.name)}/fencing`} className="button quiet">
            {t.fencing}
          </Link>
        )}
        {mayOrder && <NodeOrders node={node} />}
      </footer>
    </article>
  );
}

function Daemon({ name, pid }: { name: string; pid: number | null }) {
  const { t } = useLanguage();
  return (
    <>
      <dt>{name}</dt>
      <dd className="number">
        {pid === null ? <span className="muted">{t.daemonDown}</span> : `pid ${pid}`}
      </dd>
    </>
  );
}

/** Of a node that is lost it is its return that is of interest. */
function WhatIf({ node: { name, state } }: { node: NodeStatus }) {
  const { t } = useLanguage();
  return state === 'lost' ? (
    <WhatIfButton label={t.whatIfBack} title={t.whatIfBackTitle(name)} situation={{ return: name }} />
  ) : (
    <WhatIfButton label={t.whatIf} title={t.whatIfTitle(name)} situation={{ fail: name }} />
  );
}
