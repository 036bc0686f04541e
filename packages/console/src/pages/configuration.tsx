/** The whole configuration as a document: read it, change it, see what that would do, do it. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { parse, stringify, YAMLParseError } from 'yaml';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { ErrorText } from '../parts/order-button.tsx';
import { Section } from '../parts/section.tsx';
import { PlanSteps } from '../wizards/review.tsx';

export function Configuration() {
  const { t } = useLanguage();
  const { data, error } = useQuery({ queryKey: ['config'], queryFn: api.config });
  return (
    <Section title={t.navConfiguration} note={t.configurationNote}>
      {error && <ErrorText error={error} />}
      {data && <Editor original={stringify(data)} />}
    </Section>
  );
}

function Editor({ original }: { original: string }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const [text, setText] = useState(original);
  const plan = useMutation({ mutationFn: async () => api.planConfig(parse(text)) });
  const apply = useMutation({ mutationFn: async () => api.applyConfig(parse(text)), onSuccess: plan.reset });
  const edit = (next: string) => {
    setText(next);
    plan.reset();
    apply.reset();
  };
  const nothing = plan.data?.steps.length === 0;
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
      {plan.error && <Wrong error={plan.error} />}
      {apply.error && <Wrong error={apply.error} />}
      {nothing && <p>{t.planNothing}</p>}
      {plan.data && <PlanSteps steps={plan.data.steps} />}
      {apply.data && <p role="status">{t.planDone}</p>}
      {session.role === 'admin' && (
        <footer className="wizard-actions">
          <button type="button" className="quiet" disabled={text === original} onClick={() => edit(original)}>
            {t.configurationRevert}
          </button>
          <button type="button" disabled={plan.isPending} onClick={() => plan.mutate()}>
            {t.planCheck}
          </button>
          <button
            type="button"
            className="primary"
            disabled={plan.data === undefined || nothing || apply.isPending}
            onClick={() => apply.mutate()}
          >
            {t.planApply}
          </button>
        </footer>
      )}
    </div>
  );
}

function Wrong({ error }: { error: Error }) {
  if (!(error instanceof YAMLParseError)) return <ErrorText error={error} />;
  return (
    <p className="error-text" role="alert">
      {error.message}
    </p>
  );
}
