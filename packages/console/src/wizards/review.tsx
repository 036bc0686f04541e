/** The last page of every wizard: the steps that the cluster would take, the document for those who keep such things in files, and the button. */
import { useEffect } from 'react';
import { stringify } from 'yaml';
import { useLanguage } from '../i18n/language.tsx';
import { lineDiff } from './line-diff.ts';
import { ApplyButton, PlanView, usePlanApply } from './plan-apply.tsx';
import { withoutSecrets } from './secrets.ts';

export function Review({
  document,
  before,
  onBack,
  onDone,
}: {
  document: unknown;
  /** What it changes, if it is not new. */
  before?: unknown;
  onBack: () => void;
  onDone: () => void;
}) {
  const { t } = useLanguage();
  const text = stringify(document);
  const shown = before === undefined ? text : withoutSecrets(document);
  const planned = usePlanApply(() => document, onDone);
  const ask = planned.plan.mutate;
  useEffect(() => ask(), [ask, text]);
  return (
    <div className="card wizard-page">
      <PlanView {...planned} />
      {before !== undefined && <Changes before={before} after={document} />}
      <details>
        <summary>{shown === text ? t.planDocument : t.planDocumentMasked}</summary>
        <pre className="yaml">{shown}</pre>
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

const SIGN = { same: '  ', added: '+ ', removed: '- ', gap: '  …' } as const;

function Changes({ before, after }: { before: unknown; after: unknown }) {
  const { t } = useLanguage();
  const lines = lineDiff(withoutSecrets(before), withoutSecrets(after));
  if (lines.every(({ kind }) => kind === 'gap')) return null;
  return (
    <figure className="field">
      <figcaption className="field-label">{t.planChanges}</figcaption>
      <pre className="yaml diff">
        {lines.map(({ kind, text }, at) => (
          <span key={at} className={kind}>
            {SIGN[kind]}
            {text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  );
}
