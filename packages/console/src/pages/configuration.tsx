/** The whole configuration as a document: read it, change it, see what that would do, do it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { parse, stringify } from 'yaml';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { ErrorText, OrderButton } from '../parts/order-button.tsx';
import { Section } from '../parts/section.tsx';
import { ApplyButton, PlanView, usePlanApply } from '../wizards/plan-apply.tsx';

export function Configuration() {
  const { t } = useLanguage();
  const { data, error, refetch } = useQuery({ queryKey: ['config'], queryFn: api.config });
  return (
    <Section title={t.navConfiguration} note={t.configurationNote}>
      {error && <ErrorText error={error} />}
      {data && <Editor original={stringify(data)} onDone={() => void refetch()} />}
      {data && <LogPlace document={data} />}
    </Section>
  );
}

function Editor({ original, onDone }: { original: string; onDone: () => void }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const [text, setText] = useState(original);
  const planned = usePlanApply(() => parse(text) as unknown, onDone);
  const { plan, apply } = planned;
  const edit = (next: string) => {
    setText(next);
    plan.reset();
    apply.reset();
  };
  return (
    <div className="card wizard-page">
      <textarea
        className="yaml"
        aria-label={t.navConfiguration}
        value={text}
        readOnly={session.role !== 'admin'}
        spellCheck={false}
        rows={Math.min(30, Math.max(12, text.split('\n').length + 1))}
        onChange={(change) => edit(change.target.value)}
      />
      <PlanView {...planned} />
      {session.role === 'admin' && (
        <footer className="wizard-actions">
          <button type="button" className="quiet" disabled={text === original} onClick={() => edit(original)}>
            {t.configurationRevert}
          </button>
          <button type="button" disabled={plan.isPending} onClick={() => plan.mutate()}>
            {t.planCheck}
          </button>
          <ApplyButton {...planned} />
        </footer>
      )}
    </div>
  );
}

/** Where the log is, and the way to where the document would have it. */
function LogPlace({ document }: { document: Readonly<Record<string, unknown>> }) {
  const { t, said } = useLanguage();
  const { session, status } = useCluster();
  const { engine, phase, trouble } = status.consensus;
  if (engine === 'embedded' && wantedEngine(document) === 'embedded') return null;
  const isSteady = phase === 'steady';
  return (
    <footer className="card-actions">
      <span className="muted">{isSteady ? t.logIsIn[engine] : t.logMoves}</span>
      {trouble !== null && <span className="reason">{said(trouble)}</span>}
      {session.role === 'admin' && (
        <OrderButton
          label={engine === 'embedded' ? t.logToEtcd : t.logToNodes}
          question={engine === 'embedded' ? t.confirmLogToEtcd : t.confirmLogToNodes}
          disabled={!isSteady}
          order={() => api.migrateLog(engine === 'embedded' ? 'etcd' : 'embedded')}
        />
      )}
    </footer>
  );
}

function wantedEngine({ cluster }: Readonly<Record<string, unknown>>): unknown {
  const { consensus } = cluster as { consensus?: { engine?: unknown } };
  return consensus?.engine ?? 'embedded';
}
