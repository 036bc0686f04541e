/** Asks how other machines, or programs of a node, get at a volume: by iSCSI or NBD, where, and who. */
import { useState } from 'react';
import { Navigate, useParams } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { ToneIcon } from '../parts/icon.tsx';
import { Section } from '../parts/section.tsx';
import type { Configuration, VolumeEntry } from './configuration.ts';
import {
  accessFields,
  accessProblem,
  addressAt,
  exportDocument,
  exportsOf,
  exportText,
  firstAnswers,
  isReachComplete,
  keyOf,
  kindAnswers,
  kindProblem,
  listenProblem,
  nodesOf,
  partsOf,
  volumeOf,
  type AccessField,
  type ExportAnswers,
  type ExportKind,
  type ExportReach,
} from './export-document.ts';
import { Choice, KeepList, SelectField, TextField } from './fields.tsx';
import { WithConfiguration } from './with-configuration.tsx';
import { Wizard } from './wizard.tsx';

interface PageProps {
  readonly configuration: Configuration;
  readonly volume: VolumeEntry;
  readonly answers: ExportAnswers;
  readonly change: (part: Partial<ExportAnswers>) => void;
}

export function ExportWizard() {
  const { t } = useLanguage();
  const { name = '' } = useParams();
  return (
    <Section title={t.exportsTitle(name)} note={t.exportsNote}>
      <WithConfiguration>
        {(configuration) => {
          const volume = volumeOf(configuration, name);
          if (volume === undefined) return <Navigate to="/volumes" replace />;
          return <Questions key={name} configuration={configuration} volume={volume} />;
        }}
      </WithConfiguration>
    </Section>
  );
}

function Questions({ configuration, volume }: Pick<PageProps, 'configuration' | 'volume'>) {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(() =>
    firstAnswers(configuration, volume, status.cluster, partsOf(volume)[0] ?? ''),
  );
  const page = {
    configuration,
    volume,
    answers,
    change: (part: Partial<ExportAnswers>) => setAnswers({ ...answers, ...part }),
  };
  const fields = accessFields(answers);
  const what = {
    title: t.stepExport,
    complete: kindProblem(volume, answers) === null,
    body: <WhatPage {...page} />,
  };
  const where = {
    title: t.stepExportPlace,
    complete: isReachComplete(configuration, volume, answers),
    body: <WherePage {...page} />,
  };
  const who = {
    title: t.stepExportAccess,
    complete: fields.every((field) => accessProblem(configuration, volume, answers, field) === null),
    body: <WhoPage {...page} />,
  };
  const more = fields.length === 0 ? [where] : [where, who];
  return (
    <Wizard
      backTo={`/volumes/${encodeURIComponent(volume.name)}`}
      before={{ volumes: [volume] }}
      makeDocument={() => exportDocument(configuration, volume, answers)}
      steps={answers.kind === 'none' ? [what] : [what, ...more]}
    />
  );
}

function WhatPage({ configuration, volume, answers, change }: PageProps) {
  const { t } = useLanguage();
  const { status } = useCluster();
  const present = exportsOf(volume, answers.part);
  const problem = kindProblem(volume, answers);
  const kinds: readonly ExportKind[] = present.length === 0 ? ['iscsi', 'nbd'] : ['iscsi', 'nbd', 'none'];
  const parts = partsOf(volume);
  const isUnused = status.volumes.some(({ group, name }) => name === volume.name && group === null);
  return (
    <>
      {isUnused && (
        <p className="reason stray tone-warn" role="note">
          <ToneIcon tone="warn" size={14} />
          {t.exportUnused}
        </p>
      )}
      {parts.length > 0 && (
        <SelectField
          label={t.exportPart}
          value={answers.part}
          options={Object.fromEntries(parts.map((part) => [part, part]))}
          onChange={(part) => change(firstAnswers(configuration, volume, status.cluster, part))}
        />
      )}
      {present.length > 0 && (
        <KeepList
          label={t.exportsKept}
          help={t.exportsKeptHelp}
          items={present.map((entry) => ({ key: keyOf(entry), text: exportText(entry) }))}
          dropped={answers.dropped}
          onChange={(dropped) => change({ dropped })}
        />
      )}
      <Choice
        label={present.length === 0 ? t.exportQuestion : t.exportMoreQuestion}
        name="kind"
        value={answers.kind}
        options={kinds.map((kind) => ({
          value: kind,
          label: t.exportKind[kind],
          help: t.exportKindHelp[kind],
        }))}
        problem={problem && t.exportProblem[problem]}
        onChange={(kind) => change(kindAnswers(configuration, volume, kind))}
      />
    </>
  );
}

function WherePage(page: PageProps) {
  const { t } = useLanguage();
  const { answers, change, volume } = page;
  const reaches: readonly ExportReach[] = answers.kind === 'nbd' ? ['local', 'all', 'each'] : ['all', 'each'];
  return (
    <>
      <Choice
        label={t.exportReachQuestion}
        name="reach"
        value={answers.reach}
        options={reaches.map((reach) => ({
          value: reach,
          label: t.exportReach[reach],
          help: answers.kind === 'nbd' && reach !== 'local' ? t.exportReachTls : t.exportReachHelp[reach],
        }))}
        onChange={(reach) => change({ reach })}
      />
      {answers.reach === 'each' ? (
        nodesOf(volume).map((node) => <Place key={node} {...page} node={node} />)
      ) : (
        <Place {...page} node={null} />
      )}
    </>
  );
}

/** `node` null: the port on all. */
function Place({
  configuration,
  volume,
  answers,
  change,
  node,
}: PageProps & { readonly node: string | null }) {
  const { t } = useLanguage();
  const problem = listenProblem(configuration, volume, answers, node);
  return (
    <TextField
      label={node === null ? t.exportPort : t.exportAddress(node)}
      help={t.exportPortHelp}
      value={node === null ? answers.port : addressAt(configuration, answers, node)}
      problem={problem && t.exportProblem[problem]}
      onChange={(text) =>
        change(node === null ? { port: text } : { addresses: { ...answers.addresses, [node]: text } })
      }
    />
  );
}

function WhoPage(page: PageProps) {
  const { t } = useLanguage();
  const { answers, change } = page;
  return (
    <>
      {answers.kind === 'iscsi' && (
        <Choice
          label={t.exportLogin}
          name="login"
          value={answers.login}
          options={[
            { value: 'chap', label: t.exportChap, help: t.exportChapHelp },
            { value: 'open', label: t.exportOpen, help: t.exportOpenHelp },
          ]}
          onChange={(login) => change({ login })}
        />
      )}
      {accessFields(answers).map((field) => (
        <Access key={field} {...page} field={field} />
      ))}
    </>
  );
}

function Access({
  configuration,
  volume,
  answers,
  change,
  field,
}: PageProps & { readonly field: AccessField }) {
  const { t } = useLanguage();
  const problem = accessProblem(configuration, volume, answers, field);
  return (
    <TextField
      type={field === 'password' ? 'password' : 'text'}
      label={t.exportField[field]}
      value={answers[field]}
      help={t.exportFieldHelp[field]}
      problem={problem === null || answers[field] === '' ? null : t.exportProblem[problem]}
      onChange={(text) => change({ [field]: text })}
    />
  );
}
