import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../api/client.ts';
import type { GroupStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Badge } from './badge.tsx';
import { useCluster } from './cluster-context.tsx';
import { Dialog } from './dialog.tsx';
import { DrillButton } from './drill-button.tsx';
import { formatMs } from './format.ts';
import { ToneIcon } from './icon.tsx';
import { MaintenanceButton } from './maintenance-button.tsx';
import { ErrorText, OrderButton } from './order-button.tsx';
import { groupTone, resourceTone } from './tone.ts';

export function GroupCard({ group }: { group: GroupStatus }) {
  const { t, said } = useLanguage();
  const { mayOrder, session, status } = useCluster();
  return (
    <article className="card">
      <header className="card-head">
        <h3>{group.name}</h3>
        <Badge tone={groupTone(group.state)}>{t.groupState[group.state]}</Badge>
        {group.maintenance && <Badge tone="idle">{t.groupMaintenance}</Badge>}
        <Badge
          tone={group.protected ? 'good' : 'warn'}
          title={group.protected ? t.protectedYesWhy : t.protectedNoWhy}
        >
          {group.protected ? t.protectedYes : t.protectedNo}
        </Badge>
      </header>
      {group.reason !== '' && <p className="reason">{said(group.reason)}</p>}
      {group.strays.map(({ node, resources, failure }) => (
        <p key={node} className="reason stray tone-bad">
          <ToneIcon tone="bad" size={14} />
          {t.stray(node, resources.join(', '), said(failure))}
        </p>
      ))}
      <dl className="facts-list">
        <dt>{t.owner}</dt>
        <dd>{group.owner ?? t.noOwner}</dd>
        <dt>{t.preference}</dt>
        <dd>{group.nodes.join(' → ')}</dd>
        <dt>{t.lease}</dt>
        <dd className="number">
          {group.leaseRemainingMs === null ? t.leaseUnknown : formatMs(group.leaseRemainingMs)}
        </dd>
      </dl>
      <ResourceChain group={group} />
      <footer className="card-actions">
        <ExplainButton group={group.name} />
        {session.role === 'admin' && status.groups.length > 1 && (
          <Link to={`/groups/${encodeURIComponent(group.name)}/rules`} className="button quiet">
            {t.rules}
          </Link>
        )}
        {mayOrder && <MaintenanceButton group={group.name} isOn={group.maintenance} />}
        {mayOrder && <GroupOrders group={group} />}
      </footer>
    </article>
  );
}

function ResourceChain({ group }: { group: GroupStatus }) {
  const { t, said } = useLanguage();
  if (group.resources.length === 0) return <p className="muted">{t.noResources}</p>;
  return (
    <ol className="chain" aria-label={t.resources}>
      {group.resources.map(({ name, type, state, reason }) => (
        <li key={name} className={`chain-item tone-${resourceTone(state)}`} title={said(reason)}>
          <ToneIcon tone={resourceTone(state)} size={14} />
          <span className="chain-name">{name}</span>
          <span className="muted">
            {type} · {t.resourceState[state]}
          </span>
          {reason !== '' && <span className="chain-reason">{said(reason)}</span>}
        </li>
      ))}
    </ol>
  );
}

function GroupOrders({ group }: { group: GroupStatus }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const others = group.nodes.filter((node) => node !== group.owner);
  const [chosen, setChosen] = useState<string | null>(null);
  const target = chosen !== null && others.includes(chosen) ? chosen : others[0];
  if (group.desired === 'stopped')
    return (
      <>
        <OrderButton
          label={t.start}
          question={t.confirmStart(group.name)}
          order={() => api.startGroup(group.name)}
        />
        {session.role === 'admin' && group.owner === null && (
          <OrderButton
            danger
            label={t.deleteGroup}
            question={t.confirmDeleteGroup(group.name)}
            confirmName={group.name}
            order={() => api.deleteGroup(group.name)}
          />
        )}
      </>
    );
  return (
    <>
      {group.state === 'online' && others.length > 0 && <DrillButton group={group.name} />}
      {group.owner !== null && target !== undefined && (
        <OrderButton
          label={t.move}
          question={t.confirmMove(group.name, group.owner)}
          order={() => api.moveGroup(group.name, target)}
        >
          <div className="choices">
            {others.map((node) => (
              <label key={node}>
                <input
                  type="radio"
                  name="target"
                  checked={node === target}
                  onChange={() => setChosen(node)}
                />
                {t.moveTo(node)}
              </label>
            ))}
          </div>
        </OrderButton>
      )}
      <OrderButton
        danger
        label={t.stop}
        question={t.confirmStop(group.name)}
        order={() => api.stopGroup(group.name)}
      />
    </>
  );
}

function ExplainButton({ group }: { group: string }) {
  const { t } = useLanguage();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="quiet" onClick={() => setOpen(true)}>
        {t.why}
      </button>
      {open && (
        <Dialog title={t.whyTitle(group)} onClose={() => setOpen(false)}>
          <Explanation group={group} />
        </Dialog>
      )}
    </>
  );
}

function Explanation({ group }: { group: string }) {
  const { t, said } = useLanguage();
  const { data, error } = useQuery({ queryKey: ['explain', group], queryFn: () => api.explainGroup(group) });
  if (error) return <ErrorText error={error} />;
  if (!data) return <p className="muted">{t.loading}</p>;
  return (
    <>
      {data.sentences.map((sentence) => (
        <p key={sentence}>{said(sentence)}</p>
      ))}
      <ul className="candidates">
        {data.candidates.map(({ node, eligible, reason }) => (
          <li key={node}>
            <ToneIcon tone={eligible ? 'good' : 'warn'} />
            <span>
              <strong>{node}</strong> {eligible ? t.mayRun : t.mayNotRun}
              <span className="muted"> {said(reason)}</span>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
