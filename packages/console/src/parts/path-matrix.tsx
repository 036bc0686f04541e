/** Heartbeats: one row per member, one cell per path. */
import type { PathStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from './cluster-context.tsx';
import { formatMs } from './format.ts';
import { ToneIcon } from './icon.tsx';

export function PathMatrix() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const members = status.nodes.filter(({ paths }) => paths.length > 0);
  if (members.length === 0) return <p className="muted">{t.noPaths}</p>;
  return (
    <ul className="matrix">
      {members.map(({ name, paths }) => (
        <li key={name} className="matrix-row">
          <strong>{name}</strong>
          <ul className="matrix-paths">
            {paths.map((path) => (
              <PathCell key={path.path} path={path} />
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

function PathCell({ path }: { path: PathStatus }) {
  const { t } = useLanguage();
  const dropped = Object.values(path.dropped).reduce((sum, count) => sum + count, 0);
  const tone = path.up ? (path.lossPercent > 5 ? 'warn' : 'good') : 'bad';
  const facts = [
    path.latencyMs === null ? '' : formatMs(path.latencyMs),
    path.lossPercent > 0 ? t.loss(Math.round(path.lossPercent)) : '',
    dropped > 0 ? t.dropped(dropped) : '',
    path.trouble ?? '',
  ];
  return (
    <li className={`path tone-${tone}`}>
      <ToneIcon tone={tone} size={14} />
      <span className="path-name">{path.path}</span>
      <span className="path-facts number">
        {path.up ? t.up : t.down}
        <span className="muted">{facts.map((fact) => fact !== '' && ` · ${fact}`)}</span>
      </span>
    </li>
  );
}
