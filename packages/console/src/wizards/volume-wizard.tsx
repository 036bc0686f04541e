import { useState } from 'react';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import {
  devicesProblem,
  nameProblem,
  sizeProblem,
  volumeDocument,
  type Devices,
  type VolumeAnswers,
} from './documents.ts';
import { Choice, TextField } from './fields.tsx';
import { Wizard } from './wizard.tsx';

const EMPTY: VolumeAnswers = { name: '', size: '10GiB', mode: 'sync', initialSync: 'smart', devices: {} };

export function VolumeWizard() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(EMPTY);
  const change = (part: Partial<VolumeAnswers>) => setAnswers({ ...answers, ...part });
  const taken = status.volumes.map(({ name }) => name);
  const nodes = status.nodes.filter(({ role }) => role === 'node').map(({ name }) => name);
  return (
    <Section title={t.newVolume}>
      <Wizard
        backTo="/volumes"
        makeDocument={() => volumeDocument(answers)}
        steps={[
          {
            title: t.stepVolume,
            complete: nameProblem(answers.name, taken) === null && sizeProblem(answers.size) === null,
            body: <Basics answers={answers} taken={taken} change={change} />,
          },
          {
            title: t.stepReplicas,
            complete: devicesProblem(answers.devices) === null,
            body: (
              <Replicas nodes={nodes} devices={answers.devices} change={(devices) => change({ devices })} />
            ),
          },
          {
            title: t.stepFirstCopy,
            complete: true,
            body: (
              <Choice
                label={t.initialSync}
                name="initialSync"
                value={answers.initialSync}
                onChange={(initialSync) => change({ initialSync })}
                options={[
                  { value: 'smart', label: t.initialSmart, help: t.initialSmartHelp },
                  { value: 'full', label: t.initialFull, help: t.initialFullHelp },
                  { value: 'none', label: t.initialNone, help: t.initialNoneHelp },
                ]}
              />
            ),
          },
        ]}
      />
    </Section>
  );
}

function Basics({
  answers,
  taken,
  change,
}: {
  answers: VolumeAnswers;
  taken: readonly string[];
  change: (part: Partial<VolumeAnswers>) => void;
}) {
  const { t } = useLanguage();
  const name = nameProblem(answers.name, taken);
  const size = sizeProblem(answers.size);
  return (
    <>
      <TextField
        label={t.name}
        value={answers.name}
        placeholder="data"
        help={t.nameHelp}
        problem={name === null || answers.name === '' ? null : t.problem[name]}
        onChange={(value) => change({ name: value })}
      />
      <TextField
        label={t.size}
        value={answers.size}
        help={t.sizeHelp}
        problem={size && t.problem[size]}
        onChange={(value) => change({ size: value })}
      />
      <Choice
        label={t.replication}
        name="mode"
        value={answers.mode}
        onChange={(mode) => change({ mode })}
        options={[
          { value: 'sync', label: t.mode.sync, help: t.modeSyncHelp },
          { value: 'async', label: t.mode.async, help: t.modeAsyncHelp },
        ]}
      />
    </>
  );
}

export function Replicas({
  nodes,
  devices,
  change,
}: {
  nodes: readonly string[];
  devices: Devices;
  change: (devices: Devices) => void;
}) {
  const { t } = useLanguage();
  const without = (node: string): Devices =>
    Object.fromEntries(Object.entries(devices).filter(([name]) => name !== node));
  const problem = devicesProblem(devices);
  return (
    <fieldset className="field">
      <legend className="field-label">{t.replicasWhere}</legend>
      {nodes.map((node) => {
        const path = devices[node];
        return (
          <div key={node} className="replica">
            <label className="check">
              <input
                type="checkbox"
                checked={path !== undefined}
                onChange={(event) =>
                  change(event.target.checked ? { ...devices, [node]: '' } : without(node))
                }
              />
              <strong>{node}</strong>
            </label>
            {path !== undefined && (
              <TextField
                label={t.device(node)}
                value={path}
                placeholder="/dev/sdb1"
                help={t.deviceHelp}
                onChange={(value) => change({ ...devices, [node]: value })}
              />
            )}
          </div>
        );
      })}
      {problem !== null && <span className="field-help">{t.problem[problem]}</span>}
    </fieldset>
  );
}
