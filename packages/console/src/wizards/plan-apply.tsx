/** What a document would do, and doing it: the same for the wizards, for settings and for the configuration page. */
import { useMutation } from '@tanstack/react-query';
import { YAMLParseError } from 'yaml';
import { api } from '../api/client.ts';
import type { ConfigPlan } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { planText } from '../i18n/plan-text.ts';
import { ToneIcon } from '../parts/icon.tsx';
import { ErrorText } from '../parts/order-button.tsx';

/** `makeDocument` may throw what the page shows. */
export function usePlanApply(makeDocument: () => unknown, onDone: () => void) {
  const plan = useMutation({ mutationFn: async () => api.planConfig(makeDocument()) });
  const apply = useMutation({
    mutationFn: async () => api.applyConfig(makeDocument()),
    onSuccess: () => {
      plan.reset();
      onDone();
    },
  });
  return { plan, apply };
}

type PlanApply = ReturnType<typeof usePlanApply>;

export function PlanView({ plan, apply }: PlanApply) {
  const { t } = useLanguage();
  return (
    <>
      {plan.error && <Wrong error={plan.error} />}
      {plan.isPending && <p className="muted">{t.loading}</p>}
      {plan.data?.steps.length === 0 && <p>{t.planNothing}</p>}
      {plan.data && <PlanSteps steps={plan.data.steps} />}
      {apply.error && <Wrong error={apply.error} />}
      {apply.data && plan.data === undefined && <p role="status">{t.planDone}</p>}
    </>
  );
}

export function ApplyButton({ plan, apply }: PlanApply) {
  const { t } = useLanguage();
  const isUseful = plan.data !== undefined && plan.data.steps.length > 0;
  return (
    <button
      type="button"
      className="primary"
      disabled={!isUseful || apply.isPending}
      onClick={() => apply.mutate()}
    >
      {t.planApply}
    </button>
  );
}

function PlanSteps({ steps }: Pick<ConfigPlan, 'steps'>) {
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

function Wrong({ error }: { error: Error }) {
  if (!(error instanceof YAMLParseError)) return <ErrorText error={error} />;
  return (
    <p className="error-text" role="alert">
      {error.message}
    </p>
  );
}
