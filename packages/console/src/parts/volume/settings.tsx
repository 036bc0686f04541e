/** A volume's settings: shown as they are, changed after a look at what that would do. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { Choice, SelectField, TextField } from '../../wizards/fields.tsx';
import { ApplyButton, PlanView, usePlanApply } from '../../wizards/plan-apply.tsx';
import { useCluster } from '../cluster-context.tsx';
import { ErrorText } from '../order-button.tsx';
import { Section } from '../section.tsx';
import {
  answersOf,
  entryOf,
  lastPartOf,
  settingsDocument,
  type SettingsAnswers,
  type VolumeEntry,
} from './settings-document.ts';

type Change = (part: Partial<SettingsAnswers>) => void;

export function VolumeSettings({ volume }: { volume: string }) {
  const { t } = useLanguage();
  const { data, error, refetch } = useQuery({ queryKey: ['config', volume], queryFn: api.config });
  const entry = data && entryOf(data, volume);
  return (
    <Section title={t.settings} note={t.settingsNote}>
      {error && <ErrorText error={error} />}
      {entry && <Editor key={JSON.stringify(entry)} entry={entry} onDone={() => void refetch()} />}
    </Section>
  );
}

function Editor({ entry, onDone }: { entry: VolumeEntry; onDone: () => void }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const [answers, setAnswers] = useState(() => answersOf(entry));
  const planned = usePlanApply(() => settingsDocument(entry, answers), onDone);
  const isFixed = session.role !== 'admin';
  const change: Change = (part) => {
    setAnswers({ ...answers, ...part });
    planned.plan.reset();
    planned.apply.reset();
  };
  return (
    <form
      className="card wizard-page"
      onSubmit={(submit) => {
        submit.preventDefault();
        planned.plan.mutate();
      }}
    >
      <fieldset className="settings" disabled={isFixed}>
        <Questions entry={entry} answers={answers} change={change} />
      </fieldset>
      <PlanView {...planned} />
      {!isFixed && (
        <footer className="wizard-actions">
          <button type="submit" disabled={planned.plan.isPending}>
            {t.settingsShow}
          </button>
          <ApplyButton {...planned} />
        </footer>
      )}
    </form>
  );
}

function Questions({
  entry,
  answers,
  change,
}: {
  entry: VolumeEntry;
  answers: SettingsAnswers;
  change: Change;
}) {
  const { t } = useLanguage();
  const isAsync = entry['mode'] === 'async';
  const last = lastPartOf(entry)?.['name'];
  const text = (key: TextKey, label: string, help?: string) => (
    <TextField
      label={label}
      help={help}
      value={answers[key]}
      onChange={(value) => change({ [key]: value })}
    />
  );
  const select = (key: SelectKey, label: string, options: Readonly<Record<string, string>>) => (
    <SelectField
      label={label}
      value={answers[key]}
      options={options}
      onChange={(value) => change({ [key]: value })}
    />
  );
  return (
    <>
      {typeof last === 'string'
        ? text('size', t.partSize(last), `${t.sizeHelp} ${t.partFixed}`)
        : text('size', t.size, t.sizeHelp)}
      {!isAsync && select('readPolicy', t.readPolicy, t.readPolicies)}
      {select('checksums', t.checksums, t.checksumsOf)}
      {!isAsync && select('onDiskError', t.onDiskError, t.onDiskErrors)}
      {isAsync && select('asyncTakeover', t.asyncTakeover, t.asyncTakeovers)}
      {select('zeroPrimaries', t.splitBrainOf.none, t.splitBrainPolicies)}
      {select('onePrimary', t.splitBrainOf.one, t.splitBrainPolicies)}
      {select('twoPrimaries', t.splitBrainOf.two, t.splitBrainPolicies)}
      {text('schedule', t.verifySchedule, t.verifyScheduleHelp)}
      {answers.schedule !== '' && (
        <Choice
          label={t.verify}
          name="repair"
          value={answers.repair ? 'yes' : 'no'}
          onChange={(choice) => change({ repair: choice === 'yes' })}
          options={[
            { value: 'no', label: t.verifyOnly },
            { value: 'yes', label: t.verifyRepair },
          ]}
        />
      )}
      {text('resyncMin', t.resyncMin)}
      {text('resyncMax', t.resyncMax)}
      {select('compress', t.compress, t.compressOf)}
      {isAsync && text('queue', t.queue)}
      {isAsync && select('queuePolicy', t.queueFull, t.queuePolicies)}
      {text('rescueMax', t.rescueMax, t.rescueMaxHelp)}
    </>
  );
}

type TextKey = 'size' | 'schedule' | 'resyncMin' | 'resyncMax' | 'queue' | 'rescueMax';
type SelectKey =
  | 'readPolicy'
  | 'checksums'
  | 'onDiskError'
  | 'asyncTakeover'
  | 'zeroPrimaries'
  | 'onePrimary'
  | 'twoPrimaries'
  | 'compress'
  | 'queuePolicy';
