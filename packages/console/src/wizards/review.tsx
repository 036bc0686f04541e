/** The last page of every wizard: the steps that the cluster would take, the document for those who keep such things in files, and the button. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { stringify } from 'yaml';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { planText } from '../i18n/plan-text.ts';
import { ToneIcon } from '../parts/icon.tsx';
import { ErrorText } from '../parts/order-button.tsx';

export function Review({
  document,
  onBack,
  onDone,
}: {
  document: unknown;
  onBack: () => void;
  onDone: () => void;
}) {
  const { t } = useLanguage();
  const text = stringify(document);
  const plan = useQuery({
    queryKey: ['plan', text],
    queryFn: () => api.planConfig(document),
    retry: false,
  });
  const apply = useMutation({ mutationFn: () => api.applyConfig(document), onSuccess: onDone });
  const nothing = plan.data?.steps.length === 0;
  return (
    <div className="card wizard-page">
      {plan.error && <ErrorText error={plan.error} />}
      {plan.isPending && <p className="muted">{t.loading}</p>}
      {nothing && <p>{t.planNothing}</p>}
      {plan.data && <PlanSteps steps={plan.data.steps} />}
      <details>
        <summary>{t.planDocument}</summary>
        <pre className="yaml">{text}</pre>
      </details>
      {apply.error && <ErrorText error={apply.error} />}
      <footer className="wizard-actions">
        <button type="button" className="quiet" onClick={onBack}>
          {t.wizardBack}
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
    </div>
  );
}

export function PlanSteps({ steps }: { steps: Awaited<ReturnType<typeof api.planConfig>>['steps'] }) {
  const { language } = useLanguage();
  return (
    <ul className="candidates">
      {steps.map((step) => {
        const { headline, detail } = planText(step, language);
        return (
          <li key={`${step.subject} ${step.name}`}>
            <ToneIcon tone={step.action === 'delete' ? 'warn' : 'good'} />
            <span>
              {headline}
              {detail !== null && <span className="muted event-detail">{detail}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
