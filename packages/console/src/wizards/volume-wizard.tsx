import { useState } from 'react';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import {
  isVolumeDescribed,
  nameProblem,
  placesProblem,
  sizeProblem,
  volumeDocument,
  withDisk,
  type DiskAnswers,
  type VolumeAnswers,
} from './documents.ts';
import { CheckBox, Choice, TextField } from './fields.tsx';
import { Parts } from './volume-parts.tsx';
import { Wizard } from './wizard.tsx';

type Change = (part: Partial<VolumeAnswers>) => void;

const EMPTY: VolumeAnswers = {
  name: '',
  mode: 'sync',
  initialSync: 'smart',
  nodes: [],
  disks: [{ name: 'data', size: '10GiB', devices: {} }],
};
const LOG: DiskAnswers = { name: 'log', size: '1GiB', devices: {} };

export function VolumeWizard() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(EMPTY);
  const change: Change = (part) => setAnswers({ ...answers, ...part });
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
            complete: isVolumeDescribed(answers, taken),
            body: <Basics answers={answers} taken={taken} change={change} />,
          },
          {
            title: t.stepReplicas,
            complete: placesProblem(answers) === null,
            body: <Replicas answers={answers} nodes={nodes} change={change} />,
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
                  {
                    value: 'smart',
                    label: t.initialSmart,
                    help: answers.disks.length === 1 ? t.initialSmartHelp : t.initialSmartPartsHelp,
                  },
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
  change: Change;
}) {
  const { t } = useLanguage();
  const name = nameProblem(answers.name, taken);
  const [first, ...more] = answers.disks;
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
      <Choice
        label={t.disks}
        name="disks"
        value={more.length === 0 ? 'one' : 'several'}
        onChange={(value) => change({ disks: value === 'one' ? [first] : [first, LOG] })}
        options={[
          { value: 'one', label: t.disksOne },
          { value: 'several', label: t.disksSeveral, help: t.disksSeveralHelp },
        ]}
      />
      {more.length === 0 ? (
        <Size disk={first} change={(disk) => change({ disks: [disk] })} />
      ) : (
        <Parts disks={answers.disks} change={(disks) => change({ disks })} />
      )}
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

function Size({ disk, change }: { disk: DiskAnswers; change: (disk: DiskAnswers) => void }) {
  const { t } = useLanguage();
  const problem = sizeProblem(disk.size);
  return (
    <TextField
      label={t.size}
      value={disk.size}
      help={t.sizeHelp}
      problem={problem && t.problem[problem]}
      onChange={(size) => change({ ...disk, size })}
    />
  );
}

function Replicas({
  answers,
  nodes,
  change,
}: {
  answers: VolumeAnswers;
  nodes: readonly string[];
  change: Change;
}) {
  const { t } = useLanguage();
  const problem = placesProblem(answers);
  const toggle = (node: string, isWanted: boolean): readonly string[] =>
    nodes.filter((name) => (name === node ? isWanted : answers.nodes.includes(name)));
  return (
    <fieldset className="field">
      <legend className="field-label">{t.replicasWhere}</legend>
      {nodes.map((node) => (
        <div key={node} className="replica">
          <CheckBox
            label={node}
            checked={answers.nodes.includes(node)}
            onChange={(isWanted) => change({ nodes: toggle(node, isWanted) })}
          />
          {answers.nodes.includes(node) && <Places answers={answers} node={node} change={change} />}
        </div>
      ))}
      {problem !== null && <span className="field-help">{t.problem[problem]}</span>}
    </fieldset>
  );
}

/** Of each disk on one node. */
function Places({ answers, node, change }: { answers: VolumeAnswers; node: string; change: Change }) {
  const { t } = useLanguage();
  const { disks } = answers;
  return disks.map(({ name, devices }, index) => (
    <TextField
      key={index}
      label={disks.length === 1 ? t.device(node) : t.deviceOfPart(name, node)}
      value={devices[node] ?? ''}
      placeholder={`/dev/sd${'bcdefghijklmnopq'[index]}`}
      help={t.deviceHelp}
      onChange={(path) =>
        change({ disks: withDisk(disks, index, { devices: { ...devices, [node]: path } }) })
      }
    />
  ));
}
