/** Question after question; the last page shows what the cluster would do, and does it. */
import { type ReactNode, useState } from 'react';
import { useNavigate } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { Review } from './review.tsx';

export interface Step {
  readonly title: string;
  readonly body: ReactNode;
  /** False while an answer of this page is missing or wrong. */
  readonly complete: boolean;
}

/** Within a section that says what it is about. */
export function Wizard({
  steps,
  makeDocument,
  before,
  backTo,
}: {
  steps: readonly Step[];
  /** Called on the last page only, when every answer is complete. */
  makeDocument: () => unknown;
  /** Of a wizard that changes what is there: the same part of the document as it is now. */
  before?: unknown;
  /** Where to go when it is done, or given up. */
  backTo: string;
}) {
  const { t } = useLanguage();
  const navigate = useNavigate();
  const [at, setAt] = useState(0);
  const step = steps[at];
  const review = before === undefined ? t.wizardReview : t.wizardReviewChange;
  const leave = () => void navigate(backTo);
  return (
    <>
      <ol className="wizard-steps" aria-label={t.wizardSteps}>
        {[...steps.map((one) => one.title), review].map((name, index) => (
          <li key={name} aria-current={index === at ? 'step' : undefined} data-done={index < at}>
            {name}
          </li>
        ))}
      </ol>
      {step === undefined ? (
        <Review document={makeDocument()} before={before} onBack={() => setAt(at - 1)} onDone={leave} />
      ) : (
        <form
          className="card wizard-page"
          onSubmit={(submit) => {
            submit.preventDefault();
            if (step.complete) setAt(at + 1);
          }}
        >
          {step.body}
          <footer className="wizard-actions">
            <button type="button" className="quiet" onClick={at === 0 ? leave : () => setAt(at - 1)}>
              {at === 0 ? t.cancel : t.wizardBack}
            </button>
            <button type="submit" className="primary" disabled={!step.complete}>
              {t.wizardNext}
            </button>
          </footer>
        </form>
      )}
    </>
  );
}
