/** Asks what a group wants of each other one: together, apart, after it. */
import { useState } from 'react';
import { Navigate, useParams } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { Section } from '../parts/section.tsx';
import type { GroupEntry } from './configuration.ts';
import { CheckBox, SelectField } from './fields.tsx';
import {
  answersOf,
  answerTo,
  groupsOf,
  leadsTo,
  ruleProblem,
  rulesDocument,
  type RuleAnswer,
  type RuleAnswers,
} from './rules-document.ts';
import { WithConfiguration } from './with-configuration.tsx';
import { Wizard } from './wizard.tsx';

export function RulesWizard() {
  const { t } = useLanguage();
  const { name = '' } = useParams();
  return (
    <Section title={t.rulesTitle(name)} note={t.rulesNote(name)}>
      <WithConfiguration>
        {(configuration) => <Questions key={name} name={name} groups={groupsOf(configuration)} />}
      </WithConfiguration>
    </Section>
  );
}

function Questions({ name, groups }: { name: string; groups: readonly GroupEntry[] }) {
  const { t } = useLanguage();
  const group = groups.find((one) => one.name === name);
  const [answers, setAnswers] = useState<RuleAnswers>(() => (group === undefined ? {} : answersOf(group)));
  if (group === undefined) return <Navigate to="/groups" replace />;
  const others = groups.filter((one) => one !== group).map((one) => one.name);
  const complete = others.every((other) => ruleProblem(groups, group, answers, other) === null);
  const body =
    others.length === 0 ? (
      <p>{t.rulesNobody}</p>
    ) : (
      others.map((other) => (
        <Rule
          key={other}
          groups={groups}
          group={group}
          answers={answers}
          other={other}
          change={(answer) => setAnswers({ ...answers, [other]: answer })}
        />
      ))
    );
  return (
    <Wizard
      backTo="/groups"
      before={{ groups: [group] }}
      makeDocument={() => rulesDocument(group, answers)}
      steps={[{ title: t.stepRules, complete: complete && others.length > 0, body }]}
    />
  );
}

/** What could only go round in a circle is not offered. */
function Rule({
  groups,
  group,
  answers,
  other,
  change,
}: {
  groups: readonly GroupEntry[];
  group: GroupEntry;
  answers: RuleAnswers;
  other: string;
  change: (answer: RuleAnswer) => void;
}) {
  const { t } = useLanguage();
  const answer = answerTo(answers, other);
  const isCircle = leadsTo(groups, other, group.name);
  const problem = ruleProblem(groups, group, answers, other);
  return (
    <div className="replica" role="group" aria-label={other}>
      <SelectField
        label={other}
        value={answer.company}
        options={t.rulesCompany}
        disabled={isCircle}
        help={isCircle ? t.rulesProblem.circle(other, group.name) : undefined}
        problem={problem && t.rulesProblem[problem](other, group.name)}
        onChange={(company) => change({ ...answer, company })}
      />
      <CheckBox
        label={t.rulesAfter(other)}
        checked={answer.after}
        disabled={isCircle}
        onChange={(after) => change({ ...answer, after })}
      />
    </div>
  );
}
