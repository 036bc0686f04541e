import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client.ts';
import type { VolumeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import { nameProblem } from './documents.ts';
import { CheckBox, Choice, Field, LinesField, TextField } from './fields.tsx';
import { isWindow, serviceDocument, serviceFaults, WHOLE, type ServiceAnswers } from './service-document.ts';
import { TemplateWizard } from './template-wizard.tsx';
import { Wizard } from './wizard.tsx';

type Change = (part: Partial<ServiceAnswers>) => void;
interface PageProps {
  readonly answers: ServiceAnswers;
  readonly change: Change;
}

const EMPTY: Omit<ServiceAnswers, 'nodes'> = {
  name: '',
  failback: false,
  failbackWindow: '',
  volume: '',
  directories: {},
  fileSystem: 'ext4',
  address: '',
  interfaces: 'eth0',
  program: 'app',
  command: '',
  user: '',
  workingDirectory: '',
  environment: '',
  check: 'none',
  checkAt: '',
  parameters: '',
};

/** Of a well-known application, or question by question. */
export function ServiceWizard() {
  const { t, language } = useLanguage();
  const [template, setTemplate] = useState('');
  const { data } = useQuery({ queryKey: ['templates'], queryFn: api.templates });
  return (
    <Section title={t.newService}>
      <div className="wizard-page">
        <Field label={t.templateChoice}>
          <select value={template} onChange={(event) => setTemplate(event.target.value)}>
            <option value="">{t.templateOwn}</option>
            {data?.templates.map(({ name, title }) => (
              <option key={name} value={name}>
                {title[language]}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {template === '' ? <OwnService /> : <TemplateWizard key={template} template={template} />}
    </Section>
  );
}

function OwnService() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const nodes = status.nodes.filter(({ role }) => role === 'node').map(({ name }) => name);
  const taken = status.groups.map(({ name }) => name);
  const [answers, setAnswers] = useState<ServiceAnswers>({ ...EMPTY, nodes });
  const change: Change = (part) => setAnswers({ ...answers, ...part });
  const faults = serviceFaults(answers, taken);
  return (
    <Wizard
      backTo="/groups"
      makeDocument={() => serviceDocument(answers)}
      steps={[
        {
          title: t.stepService,
          complete: !faults.service,
          body: <ServicePage answers={answers} change={change} nodes={nodes} taken={taken} />,
        },
        { title: t.stepDisk, complete: !faults.disk, body: <DiskPage answers={answers} change={change} /> },
        {
          title: t.stepAddress,
          complete: !faults.address,
          body: <AddressPage answers={answers} change={change} />,
        },
        {
          title: t.stepProgram,
          complete: !faults.program,
          body: <ProgramPage answers={answers} change={change} />,
        },
      ]}
    />
  );
}

function ServicePage({
  answers,
  change,
  nodes,
  taken,
}: PageProps & { readonly nodes: readonly string[]; readonly taken: readonly string[] }) {
  const { t } = useLanguage();
  const problem = nameProblem(answers.name, taken);
  const toggle = (node: string, isWanted: boolean): readonly string[] =>
    isWanted ? [...answers.nodes, node] : answers.nodes.filter((name) => name !== node);
  return (
    <>
      <TextField
        label={t.name}
        value={answers.name}
        placeholder="shop"
        help={t.nameHelp}
        problem={problem === null || answers.name === '' ? null : t.problem[problem]}
        onChange={(name) => change({ name })}
      />
      <fieldset className="field">
        <legend className="field-label">{t.serviceNodes}</legend>
        {nodes.map((node) => (
          <CheckBox
            key={node}
            label={node}
            checked={answers.nodes.includes(node)}
            onChange={(isWanted) => change({ nodes: toggle(node, isWanted) })}
          />
        ))}
        <span className="field-help">{t.serviceNodesHelp(answers.nodes.join(' → '))}</span>
      </fieldset>
      <Choice
        label={t.failback}
        name="failback"
        value={answers.failback ? 'yes' : 'no'}
        onChange={(choice) => change({ failback: choice === 'yes' })}
        options={[
          { value: 'no', label: t.failbackNo, help: t.failbackNoHelp },
          { value: 'yes', label: t.failbackYes },
        ]}
      />
      {answers.failback && (
        <TextField
          label={t.failbackWindow}
          value={answers.failbackWindow}
          placeholder="02:00-04:00"
          help={t.failbackWindowHelp}
          problem={isWindow(answers) ? null : t.failbackWindowWrong}
          onChange={(failbackWindow) => change({ failbackWindow })}
        />
      )}
    </>
  );
}

function DiskPage({ answers, change }: PageProps) {
  const { t } = useLanguage();
  const { status } = useCluster();
  const free = status.volumes.filter(({ group }) => group === null);
  const chosen = free.find(({ name }) => name === answers.volume);
  const { directories } = answers;
  return (
    <>
      <Field label={t.serviceVolume} help={free.length === 0 ? t.serviceVolumeNone : t.serviceVolumeHelp}>
        <select
          value={answers.volume}
          onChange={(event) => change({ volume: event.target.value, directories: {} })}
        >
          <option value="">{t.noDisk}</option>
          {free.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      {disksOf(chosen).map((part) => (
        <TextField
          key={part}
          label={part === WHOLE ? t.serviceDirectory : t.partDirectory(part)}
          value={directories[part] ?? ''}
          placeholder={part === WHOLE ? '/srv/shop' : `/srv/shop/${part}`}
          help={t.serviceDirectoryHelp}
          onChange={(directory) => change({ directories: { ...directories, [part]: directory } })}
        />
      ))}
      {Object.values(directories).some((directory) => directory !== '') && (
        <Choice
          label={t.fileSystem}
          name="fileSystem"
          value={answers.fileSystem}
          onChange={(fileSystem) => change({ fileSystem })}
          options={[
            { value: 'ext4', label: 'ext4' },
            { value: 'xfs', label: 'XFS' },
          ]}
        />
      )}
    </>
  );
}

function disksOf(volume: VolumeStatus | undefined): readonly string[] {
  if (volume === undefined) return [];
  return volume.parts.length === 0 ? [WHOLE] : volume.parts.map(({ name }) => name);
}

function AddressPage({ answers, change }: PageProps) {
  const { t } = useLanguage();
  return (
    <>
      <TextField
        label={t.serviceAddress}
        value={answers.address}
        placeholder="10.0.0.100/24"
        help={t.serviceAddressHelp}
        onChange={(address) => change({ address })}
      />
      {answers.address !== '' && (
        <TextField
          label={t.serviceInterfaces}
          value={answers.interfaces}
          help={t.serviceInterfacesHelp}
          onChange={(interfaces) => change({ interfaces })}
        />
      )}
    </>
  );
}

function ProgramPage({ answers, change }: PageProps) {
  const { t } = useLanguage();
  return (
    <>
      <Choice
        label={t.programKind}
        name="program"
        value={answers.program}
        onChange={(program) => change({ program, command: '' })}
        options={[
          { value: 'app', label: t.programApp, help: t.programAppHelp },
          { value: 'systemd', label: t.programSystemd, help: t.programSystemdHelp },
          { value: 'ocf', label: t.programOcf, help: t.programOcfHelp },
        ]}
      />
      <TextField
        label={t.programCommand[answers.program]}
        value={answers.command}
        placeholder={
          { app: '/opt/shop/server --port 8080', systemd: 'nginx', ocf: 'heartbeat:pgsql' }[answers.program]
        }
        onChange={(command) => change({ command })}
      />
      {answers.program === 'app' && <AppQuestions answers={answers} change={change} />}
      {answers.program === 'ocf' && (
        <LinesField
          label={t.programParameters}
          value={answers.parameters}
          rows={5}
          help={t.programParametersHelp}
          onChange={(parameters) => change({ parameters })}
        />
      )}
    </>
  );
}

const CHECK_EXAMPLES = {
  http: 'http://10.0.0.100:8080/',
  tcp: '10.0.0.100:8080',
  command: '/opt/shop/check --quick',
} as const;

function AppQuestions({ answers, change }: PageProps) {
  const { t } = useLanguage();
  return (
    <>
      <TextField
        label={t.programUser}
        value={answers.user}
        placeholder="shop"
        help={t.programUserHelp}
        onChange={(user) => change({ user })}
      />
      <TextField
        label={t.programDirectory}
        value={answers.workingDirectory}
        placeholder="/srv/shop"
        help={t.programDirectoryHelp}
        onChange={(workingDirectory) => change({ workingDirectory })}
      />
      <LinesField
        label={t.programEnvironment}
        value={answers.environment}
        rows={3}
        help={t.programEnvironmentHelp}
        onChange={(environment) => change({ environment })}
      />
      <Choice
        label={t.programCheck}
        name="check"
        value={answers.check}
        onChange={(check) => change({ check })}
        options={[
          { value: 'none', label: t.checkNone, help: t.checkNoneHelp },
          { value: 'http', label: t.checkHttp },
          { value: 'tcp', label: t.checkTcp },
          { value: 'command', label: t.checkCommand, help: t.checkCommandHelp },
        ]}
      />
      {answers.check !== 'none' && (
        <TextField
          label={t.checkAt[answers.check]}
          value={answers.checkAt}
          placeholder={CHECK_EXAMPLES[answers.check]}
          onChange={(checkAt) => change({ checkAt })}
        />
      )}
    </>
  );
}
