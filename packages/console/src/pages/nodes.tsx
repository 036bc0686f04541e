import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { NodeCard } from '../parts/node-card.tsx';
import { PathMatrix } from '../parts/path-matrix.tsx';
import { Section } from '../parts/section.tsx';

export function Nodes() {
  const { t } = useLanguage();
  const { status } = useCluster();
  return (
    <>
      <Section title={t.nodes} create={{ to: '/new/server', label: t.newServer }}>
        <div className="cards">
          {status.nodes.map((node) => (
            <NodeCard key={node.name} node={node} />
          ))}
        </div>
      </Section>
      <Section title={t.heartbeats} note={t.heartbeatsFrom(status.reportedBy)}>
        <PathMatrix />
      </Section>
    </>
  );
}
