/** Asks what a pair does when its nodes no longer hear each other, and says what each answer costs. */
import { useState } from 'react';
import { Link, Navigate } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { ToneIcon } from '../parts/icon.tsx';
import { Section } from '../parts/section.tsx';
import { Choice, TextField } from './fields.tsx';
import {
  isCompletePair,
  isUndecidedPair,
  pairDocument,
  pingProblem,
  tieDeviceProblem,
  type PairAnswers,
} from './pair-document.ts';
import { Wizard } from './wizard.tsx';

const EMPTY: PairAnswers = { choice: 'witness', device: '', ping: '' };

export function PairWizard() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(EMPTY);
  if (!isUndecidedPair(status)) return <Navigate to="/nodes" replace />;
  return (
    <Section title={t.pairTitle} note={t.pairNote}>
      <Wizard
        backTo="/nodes"
        makeDocument={() => pairDocument(answers)}
        steps={[
          {
            title: t.stepPair,
            complete: isCompletePair(answers),
            body: <Preference answers={answers} change={(part) => setAnswers({ ...answers, ...part })} />,
          },
        ]}
      />
    </Section>
  );
}

function Preference({
  answers,
  change,
}: {
  answers: PairAnswers;
  change: (part: Partial<PairAnswers>) => void;
}) {
  const { t } = useLanguage();
  return (
    <>
      <Choice
        label={t.pairQuestion}
        name="pair"
        value={answers.choice}
        onChange={(choice) => change({ choice })}
        options={[
          { value: 'witness', label: t.pairWitness, help: t.pairWitnessHelp },
          { value: 'disk', label: t.pairDisk, help: t.pairDiskHelp },
          { value: 'consistency', label: t.pairConsistency, help: t.pairConsistencyHelp },
          { value: 'availability', label: t.pairAvailability, help: t.pairAvailabilityHelp },
        ]}
      />
      <Consequence answers={answers} change={change} />
    </>
  );
}

/** What the chosen one needs, or costs. */
function Consequence({
  answers: { choice, device, ping },
  change,
}: {
  answers: PairAnswers;
  change: (part: Partial<PairAnswers>) => void;
}) {
  const { t } = useLanguage();
  switch (choice) {
    case 'witness':
      return (
        <p>
          <Link to="/new/server" className="button">
            {t.newServer}
          </Link>
        </p>
      );
    case 'disk':
      return (
        <>
          <TieDevice device={device} onChange={(path) => change({ device: path })} />
          <Ping ping={ping} onChange={(addresses) => change({ ping: addresses })} />
        </>
      );
    case 'consistency':
      return null;
    case 'availability':
      return (
        <>
          <p className="reason stray tone-warn" role="note">
            <ToneIcon tone="warn" size={14} />
            {t.pairAvailabilityWarning}
          </p>
          <Ping ping={ping} onChange={(addresses) => change({ ping: addresses })} />
        </>
      );
  }
}

function TieDevice({ device, onChange }: { device: string; onChange: (device: string) => void }) {
  const { t } = useLanguage();
  const problem = tieDeviceProblem(device);
  return (
    <TextField
      label={t.pairDevice}
      value={device}
      placeholder="/dev/disk/by-id/scsi-…"
      help={t.pairDeviceHelp}
      problem={problem === null || device === '' ? null : t.problem[problem]}
      onChange={onChange}
    />
  );
}

function Ping({ ping, onChange }: { ping: string; onChange: (ping: string) => void }) {
  const { t } = useLanguage();
  const problem = pingProblem(ping);
  return (
    <TextField
      label={t.pairPing}
      value={ping}
      placeholder="10.0.0.254"
      help={t.pairPingHelp}
      problem={problem === null ? null : t.problem[problem]}
      onChange={onChange}
    />
  );
}
