/** Asks how a node can be switched off: by which device, how to reach it, and what it is to the devices that there are. */
import { useState } from 'react';
import { Navigate, useParams } from 'react-router';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Section } from '../parts/section.tsx';
import type { Configuration } from './configuration.ts';
import {
  AGENTS,
  agentProblem,
  deviceText,
  devicesOf,
  fencingDocument,
  firstAnswers,
  isAccessComplete,
  kindProblem,
  LEVEL_MAX,
  levelOf,
  levelsOf,
  linesProblem,
  paramProblem,
  placeProblem,
  type FenceAnswers,
  type FenceKind,
  type FenceParam,
  type FencePlace,
  type FenceProblem,
} from './fencing-document.ts';
import { CheckBox, Choice, LinesField, TextField, type Option } from './fields.tsx';
import { isSecret } from './secrets.ts';
import { WithConfiguration } from './with-configuration.tsx';
import { Wizard } from './wizard.tsx';

interface PageProps {
  readonly configuration: Configuration;
  readonly node: string;
  readonly answers: FenceAnswers;
  readonly change: (part: Partial<FenceAnswers>) => void;
}

export function FencingWizard() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const { name = '' } = useParams();
  if (!status.nodes.some((node) => node.name === name && node.role === 'node'))
    return <Navigate to="/nodes" replace />;
  return (
    <Section title={t.fencingTitle(name)} note={t.fencingNote}>
      <WithConfiguration>
        {(configuration) => <Questions key={name} configuration={configuration} node={name} />}
      </WithConfiguration>
    </Section>
  );
}

function Questions({ configuration, node }: Pick<PageProps, 'configuration' | 'node'>) {
  const { t } = useLanguage();
  const [answers, setAnswers] = useState(() => firstAnswers(configuration, node));
  const page = {
    configuration,
    node,
    answers,
    change: (part: Partial<FenceAnswers>) => setAnswers({ ...answers, ...part }),
  };
  const device = {
    title: t.stepFenceDevice,
    complete: kindProblem(configuration, node, answers.kind) === null,
    body: <DevicePage {...page} />,
  };
  const more = [
    {
      title: t.stepFenceAccess,
      complete: isAccessComplete(configuration, node, answers),
      body: <AccessPage {...page} />,
    },
    {
      title: t.stepFenceUse,
      complete: placeProblem(configuration, node, answers) === null,
      body: <UsePage {...page} />,
    },
  ];
  return (
    <Wizard
      backTo="/nodes"
      before={{ cluster: { fencing: devicesOf(configuration) } }}
      makeDocument={() => fencingDocument(configuration, node, answers)}
      steps={answers.kind === 'none' ? [device] : [device, ...more]}
    />
  );
}

function DevicePage({ configuration, node, answers, change }: PageProps) {
  const { t } = useLanguage();
  const own = devicesOf(configuration).filter((device) => device.node === node);
  const problem = kindProblem(configuration, node, answers.kind);
  const kinds: readonly FenceKind[] = ['ipmi', 'redfish', 'pdu', 'vmware', 'libvirt', 'other'];
  const options = (own.length === 0 ? kinds : [...kinds, 'none' as const]).map((kind) => ({
    value: kind,
    label: t.fenceKind[kind],
    help: t.fenceKindHelp[kind],
  }));
  return (
    <>
      {own.length > 0 && (
        <div className="field">
          <span className="field-label">{t.fenceDevices}</span>
          <ul className="candidates" aria-label={t.fenceDevices}>
            {own.map((device) => (
              <li key={JSON.stringify(device)}>{t.fenceLevel(levelOf(device), deviceText(device))}</li>
            ))}
          </ul>
        </div>
      )}
      <Choice
        label={own.length === 0 ? t.fenceQuestion : t.fenceMoreQuestion}
        name="kind"
        value={answers.kind}
        options={options}
        problem={problem && t.fenceProblem[problem]}
        onChange={(kind) => change({ kind })}
      />
    </>
  );
}

function AccessPage(page: PageProps) {
  const { answers } = page;
  if (answers.kind === 'none') return null;
  if (answers.kind === 'other') return <OtherAgent {...page} />;
  return AGENTS[answers.kind].asks.map((name) => <Param key={name} name={name} {...page} />);
}

function Param({ configuration, node, answers, change, name }: PageProps & { readonly name: FenceParam }) {
  const { t } = useLanguage();
  const value = answers.params[name] ?? '';
  const set = (given: string) => change({ params: { ...answers.params, [name]: given } });
  if (name === 'ssl_insecure')
    return (
      <CheckBox
        label={t.fenceInsecure}
        checked={value !== ''}
        onChange={(isWanted) => set(isWanted ? 'true' : '')}
      />
    );
  const problem = paramProblem(configuration, node, answers, name);
  const isSaid = problem === 'paramItself' || (problem !== null && value !== '');
  return (
    <TextField
      type={isSecret(name) ? 'password' : 'text'}
      label={t.fenceParam[name](answers.kind)}
      value={value}
      help={t.fenceParamHelp[name]}
      problem={isSaid ? t.fenceProblem[problem] : null}
      onChange={set}
    />
  );
}

function OtherAgent({ answers, change }: PageProps) {
  const { t } = useLanguage();
  const shown = (problem: FenceProblem | null, text: string): string | null =>
    problem === null || text === '' ? null : t.fenceProblem[problem];
  return (
    <>
      <TextField
        label={t.fenceAgent}
        value={answers.agent}
        placeholder="fence_aws"
        help={t.fenceAgentHelp}
        problem={shown(agentProblem(answers.agent), answers.agent)}
        onChange={(agent) => change({ agent })}
      />
      <LinesField
        label={t.programParameters}
        value={answers.lines}
        rows={5}
        help={t.fenceLinesHelp(answers.agent.trim() === '' ? 'fence_…' : answers.agent.trim())}
        problem={shown(linesProblem(answers.lines), answers.lines)}
        onChange={(lines) => change({ lines })}
      />
    </>
  );
}

function UsePage({ configuration, node, answers, change }: PageProps) {
  const { t } = useLanguage();
  const own = devicesOf(configuration).filter((device) => device.node === node);
  const levels = levelsOf(own);
  const problem = placeProblem(configuration, node, answers);
  const names = (level: number): string =>
    own
      .filter((device) => levelOf(device) === level)
      .map(deviceText)
      .join(', ');
  const places: readonly Option<FencePlace>[] = [
    ...((levels.at(-1) ?? 0) < LEVEL_MAX
      ? [{ value: 'later' as const, label: t.fenceLater, help: t.fenceLaterHelp }]
      : []),
    ...levels.map((level) => ({
      value: `${level}` as const,
      label: t.fenceBeside(names(level)),
      help: t.fenceBesideHelp,
    })),
    { value: 'instead', label: t.fenceInstead },
  ];
  return (
    <>
      {own.length > 0 && (
        <Choice
          label={t.fencePlace}
          name="place"
          value={answers.place}
          options={places}
          problem={problem && t.fenceProblem[problem]}
          onChange={(place) => change({ place })}
        />
      )}
      <Choice
        label={t.fenceAction}
        name="action"
        value={answers.action}
        onChange={(action) => change({ action })}
        options={[
          { value: 'reboot', label: t.fenceReboot, help: t.fenceRebootHelp },
          { value: 'off', label: t.fenceOff, help: t.fenceOffHelp },
        ]}
      />
    </>
  );
}
