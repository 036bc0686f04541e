import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { NodeCard } from '../parts/node-card.tsx';
import { OrderButton } from '../parts/order-button.tsx';
import { PairCard } from '../parts/pair-card.tsx';
import { PathMatrix } from '../parts/path-matrix.tsx';
import { Section } from '../parts/section.tsx';
import { WhatIfParted } from '../parts/what-if.tsx';
import { api } from '../api/client.ts';

export function Nodes() {
  const { t } = useLanguage();
  const { session, status } = useCluster();
  return (
    <>
      <Section title={t.nodes} create={{ to: '/new/server', label: t.newServer }}>
        <div className="cards">
          {status.nodes.map((node) => (
            <NodeCard key={node.name} node={node} />
          ))}
        </div>
        <PairCard />
        <footer className="card-actions">
          <span className="muted">{t.edition[status.edition]}</span>
          <WhatIfParted />
          {session.role === 'admin' && status.edition === 'ha' && (
            <OrderButton
              label={t.upgrade}
              question={t.upgradeQuestion}
              order={() => api.applyConfig({ cluster: { edition: 'cluster' } })}
            />
          )}
        </footer>
      </Section>
      <Section
        title={t.heartbeats}
        note={t.heartbeatsFrom(status.reportedBy)}
        create={{ to: '/new/heartbeat-disk', label: t.heartbeatDisks }}
      >
        <PathMatrix />
      </Section>
    </>
  );
}
