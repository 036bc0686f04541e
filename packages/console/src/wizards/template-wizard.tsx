/** A well-known application: the few questions of its template, then the plan of the whole group that they make. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../api/client.ts';
import type { TemplateQuestions } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { ErrorText } from '../parts/order-button.tsx';
import { Choice, TextField } from './fields.tsx';
import { Review } from './review.tsx';

type Answers = Readonly<Record<string, string>>;

export function TemplateWizard({ template }: { template: string }) {
  const { t, language } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['template', template],
    queryFn: () => api.template(template),
  });
  if (error) return <ErrorText error={error} />;
  if (!data) return <p className="muted">{t.loading}</p>;
  return (
    <>
      <p className="reason">{data.about[language]}</p>
      <Questions template={data} />
    </>
  );
}

function Questions({ template }: { template: TemplateQuestions }) {
  const { t, language } = useLanguage();
  const navigate = useNavigate();
  const [answers, setAnswers] = useState<Answers>({});
  const fill = useMutation({ mutationFn: () => api.fillTemplate(template.name, answers) });
  const leave = () => void navigate('/groups');
  if (fill.data) return <Review document={fill.data} onBack={fill.reset} onDone={leave} />;
  const isMissing = template.questions.some(
    ({ key, default: usual }) => usual === undefined && (answers[key] ?? '').trim() === '',
  );
  return (
    <form
      className="card wizard-page"
      onSubmit={(submit) => {
        submit.preventDefault();
        fill.mutate();
      }}
    >
      {template.questions.map((question) => (
        <Question
          key={question.key}
          question={question}
          help={question.help[language]}
          value={answers[question.key] ?? question.default ?? ''}
          onChange={(value) => setAnswers({ ...answers, [question.key]: value })}
        />
      ))}
      {fill.error && <ErrorText error={fill.error} />}
      <footer className="wizard-actions">
        <button type="button" className="quiet" onClick={leave}>
          {t.cancel}
        </button>
        <button type="submit" className="primary" disabled={isMissing || fill.isPending}>
          {t.wizardNext}
        </button>
      </footer>
    </form>
  );
}

function Question({
  question: { choices, default: usual, key },
  help,
  value,
  onChange,
}: {
  question: TemplateQuestions['questions'][number];
  help: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const { t } = useLanguage();
  const label = help.charAt(0).toUpperCase() + help.slice(1);
  if (choices === undefined)
    return (
      <TextField
        label={label}
        help={usual === undefined ? t.templateNeeded : ''}
        value={value}
        onChange={onChange}
      />
    );
  const options = choices.map((choice) => ({ value: choice, label: choice }));
  return <Choice label={label} name={key} value={value} options={options} onChange={onChange} />;
}
