/** Asks for a disk that nodes share, so that they see each other when every network is gone; and lets those go that are not wanted any more. */
import { useState } from 'react';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import type { Configuration } from './configuration.ts';
import { Choice, KeepList, TextField } from './fields.tsx';
import {
  disksOf,
  diskText,
  firstAnswers,
  heartbeatDocument,
  heartbeatProblem,
  keyOf,
  pathProblem,
  placeProblem,
  type DiskPlace,
  type HeartbeatAnswers,
} from './heartbeat-disk-document.ts';
import { WithConfiguration } from './with-configuration.tsx';
import { Wizard } from './wizard.tsx';

export function HeartbeatDiskWizard() {
  const { t } = useLanguage();
  return (
    <Section title={t.heartbeatDisks} note={t.heartbeatDisksNote}>
      <WithConfiguration>{(configuration) => <Questions configuration={configuration} />}</WithConfiguration>
    </Section>
  );
}

function Questions({ configuration }: { configuration: Configuration }) {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(() => firstAnswers(configuration));
  const nodes = status.nodes.filter(({ role }) => role === 'node').map(({ name }) => name);
  const cluster = { nodes, here: status.reportedBy };
  return (
    <Wizard
      backTo="/nodes"
      before={{ cluster: { heartbeatDisks: disksOf(configuration) } }}
      makeDocument={() => heartbeatDocument(configuration, answers)}
      steps={[
        {
          title: t.stepHeartbeatDisk,
          complete: heartbeatProblem(configuration, cluster, answers) === null,
          body: (
            <DiskPage
              configuration={configuration}
              cluster={cluster}
              answers={answers}
              change={(part) => setAnswers({ ...answers, ...part })}
            />
          ),
        },
      ]}
    />
  );
}

interface PageProps {
  readonly configuration: Configuration;
  readonly cluster: { readonly nodes: readonly string[]; readonly here: string };
  readonly answers: HeartbeatAnswers;
  readonly change: (part: Partial<HeartbeatAnswers>) => void;
}

function DiskPage(page: PageProps) {
  const { t } = useLanguage();
  const { configuration, cluster, answers, change } = page;
  const disks = disksOf(configuration);
  const problem = placeProblem(configuration, answers);
  const isOneNode = cluster.nodes.length < 2;
  const places: readonly DiskPlace[] = disks.length === 0 ? ['same', 'each'] : ['same', 'each', 'none'];
  return (
    <>
      {disks.length > 0 && (
        <KeepList
          label={t.heartbeatKept}
          help={t.heartbeatKeptHelp}
          items={disks.map((disk) => ({ key: keyOf(disk), text: diskText(disk) }))}
          dropped={answers.dropped}
          onChange={(dropped) => change({ dropped })}
        />
      )}
      <Choice
        label={t.heartbeatQuestion}
        name="place"
        value={answers.place}
        options={places.map((place) => ({
          value: place,
          label: t.heartbeatPlace[place],
          help: t.heartbeatPlaceHelp[place],
        }))}
        problem={problem !== null ? t.heartbeatProblem[problem] : isOneNode ? t.heartbeatProblem.two : null}
        onChange={(place) => change({ place })}
      />
      {answers.place === 'same' && <Path {...page} node={null} />}
      {answers.place === 'each' && cluster.nodes.map((node) => <Path key={node} {...page} node={node} />)}
    </>
  );
}

/** `node` null: of all. */
function Path({
  configuration,
  cluster,
  answers,
  change,
  node,
}: PageProps & { readonly node: string | null }) {
  const { t } = useLanguage();
  const value = node === null ? answers.path : (answers.paths[node] ?? '');
  const problem = pathProblem(configuration, cluster, answers, node);
  const others = Object.values(answers.paths).some((path) => path !== '');
  const isSaid = problem !== null && (value !== '' || (problem === 'here' && others));
  return (
    <TextField
      label={node === null ? t.heartbeatPath : t.device(node)}
      value={value}
      placeholder="/dev/disk/by-id/scsi-…"
      help={node === null ? t.heartbeatPathHelp : t.heartbeatPathsHelp}
      problem={isSaid ? t.heartbeatProblem[problem] : null}
      onChange={(path) => change(node === null ? { path } : { paths: { ...answers.paths, [node]: path } })}
    />
  );
}
