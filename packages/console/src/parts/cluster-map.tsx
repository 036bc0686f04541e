/** One column per node with what it carries: groups it runs, replicas it holds. Shows at a glance what a failure would hit. */
import { Link } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import type { ClusterStatus, NodeStatus } from '../api/types.ts';
import { Badge } from './badge.tsx';
import { useCluster } from './cluster-context.tsx';
import { ToneIcon } from './icon.tsx';
import { CopyLacks, copyState } from './copy-state.tsx';
import { groupTone, nodeTone } from './tone.ts';

export function ClusterMap() {
  const { status } = useCluster();
  return (
    <div className="map">
      {status.nodes.map((node) => (
        <MapColumn key={node.name} node={node} status={status} />
      ))}
    </div>
  );
}

function MapColumn({ node, status }: { node: NodeStatus; status: ClusterStatus }) {
  const { t } = useLanguage();
  const groups = status.groups.filter(({ owner }) => owner === node.name);
  const replicas = status.volumes.flatMap((volume) =>
    volume.replicas
      .filter((replica) => replica.node === node.name)
      .map((replica) => ({ volume, replica, copy: copyState(t, replica, volume, node.state) })),
  );
  return (
    <div className={`map-node ${node.state === 'lost' ? 'is-lost' : ''}`}>
      <div className="map-node-head">
        <strong>{node.name}</strong>
        {node.role === 'witness' && <span className="muted">{t.nodeRole.witness}</span>}
        {node.leader && <span className="pill">{t.leader}</span>}
        <Badge tone={nodeTone(node.state)}>{t.nodeState[node.state]}</Badge>
      </div>
      {groups.map((group) => (
        <Link key={group.name} to="/groups" className={`map-item map-group tone-${groupTone(group.state)}`}>
          <ToneIcon tone={groupTone(group.state)} size={14} />
          <span className="map-item-name">{group.name}</span>
          <span className="muted">{t.groupState[group.state]}</span>
          {group.state === 'online' && !group.protected && (
            <span className="map-note tone-warn">
              <ToneIcon tone="warn" size={14} />
              {t.protectedNo}
            </span>
          )}
        </Link>
      ))}
      {replicas.map(({ volume, replica, copy: { tone, word, isAway } }) => (
        <Link key={volume.name} to="/volumes" className={`map-item map-replica tone-${tone}`}>
          <ToneIcon tone={tone} size={14} />
          <span className="map-item-name">{volume.name}</span>
          <span className="muted">{volume.primary === node.name && !isAway ? t.primary : word}</span>
          <CopyLacks replica={replica} volume={volume} isAway={isAway} />
        </Link>
      ))}
      {groups.length + replicas.length === 0 && (
        <span className="muted">{node.role === 'witness' ? t.onlyVotes : t.carriesNothing}</span>
      )}
    </div>
  );
}
