/** The last page of every wizard: the steps that the cluster would take, the document for those who keep such things in files, and the button. */
import { useEffect } from 'react';
import { stringify } from 'yaml';
import { useLanguage } from '../i18n/language.tsx';
import { ApplyButton, PlanView, usePlanApply } from './plan-apply.tsx';

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
  const planned = usePlanApply(() => document, onDone);
  const ask = planned.plan.mutate;
  useEffect(() => ask(), [ask, text]);
  return (
    <div className="card wizard-page">
      <PlanView {...planned} />
      <details>
        <summary>{t.planDocument}</summary>
        <pre className="yaml">{text}</pre>
      </details>
      <footer className="wizard-actions">
        <button type="button" className="quiet" onClick={onBack}>
          {t.wizardBack}
        </button>
        <ApplyButton {...planned} />
      </footer>
    </div>
  );
}
