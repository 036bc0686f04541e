/** From the answers about a service to its group in the configuration document: disk, file system, address, program, in starting order. Pure. */
import { nameProblem } from './documents.ts';

export type ProgramKind = 'app' | 'systemd' | 'ocf';
export type CheckKind = 'none' | 'http' | 'tcp' | 'command';

export interface ServiceAnswers {
  readonly name: string;
  /** In order of preference. */
  readonly nodes: readonly string[];
  readonly failback: boolean;
  /** `HH:MM-HH:MM`, of the cluster's time zone. Empty: at any time. */
  readonly failbackWindow: string;
  /** Empty: it needs no disk. */
  readonly volume: string;
  /** Where its disks are mounted: by the name of the part, of a volume of one disk by `WHOLE`. Empty: the program uses the device itself. */
  readonly directories: Readonly<Record<string, string>>;
  readonly fileSystem: 'ext4' | 'xfs';
  /** Empty: it needs no address of its own. With its prefix length. */
  readonly address: string;
  /** In order of preference, separated by commas. */
  readonly interfaces: string;
  readonly program: ProgramKind;
  /** `app`: a command line; `systemd`: a unit; `ocf`: PROVIDER:NAME. */
  readonly command: string;
  readonly user: string;
  /** Where it runs. Empty: `/`. */
  readonly workingDirectory: string;
  /** `app`: NAME=VALUE, one a line. */
  readonly environment: string;
  readonly check: CheckKind;
  /** A URL, HOST:PORT, or a command line. */
  readonly checkAt: string;
  /** `ocf`: KEY=VALUE, one a line. */
  readonly parameters: string;
}

/** In place of a part's name, which never is empty. */
export const WHOLE = '';

type Resource = Readonly<Record<string, unknown>>;

export function serviceDocument(answers: ServiceAnswers): unknown {
  const { name, nodes } = answers;
  const resources = [...diskOf(answers), ...addressOf(answers), programOf(answers)];
  return { groups: [{ name: name.trim(), nodes, failback: failbackOf(answers), resources }] };
}

function failbackOf({ failback, failbackWindow }: ServiceAnswers): object {
  const window = failbackWindow.trim();
  return { enabled: failback, ...(failback && window !== '' ? { window } : {}) };
}

function diskOf({ volume, directories, fileSystem }: ServiceAnswers): readonly Resource[] {
  if (volume === '') return [];
  const mounts = mountsIn(directories);
  const disk = { name: 'disk', type: 'mirror', volume, attach: mounts.length > 0 ? 'auto' : 'none' };
  const files = mounts.map(({ part, directory }) => ({
    name: part === WHOLE ? 'files' : `files-${part}`,
    type: 'filesystem',
    device: part === WHOLE ? '${disk.device}' : `\${disk.device_${part}}`,
    directory,
    fstype: fileSystem,
    format: 'if-blank',
  }));
  return [disk, ...files];
}

/** A directory before those that lie in it. */
function mountsIn(directories: ServiceAnswers['directories']): readonly {
  readonly part: string;
  readonly directory: string;
}[] {
  return Object.entries(directories)
    .map(([part, directory]) => ({ part, directory: directory.trim() }))
    .filter(({ directory }) => directory !== '')
    .toSorted((one, other) => (one.directory < other.directory ? -1 : 1));
}

function addressOf({ address, interfaces }: ServiceAnswers): readonly Resource[] {
  if (address.trim() === '') return [];
  return [{ name: 'address', type: 'ip', address: address.trim(), interfaces: listOf(interfaces) }];
}

function programOf(answers: ServiceAnswers): Resource {
  const command = answers.command.trim();
  switch (answers.program) {
    case 'systemd':
      return { name: 'program', type: `systemd:${command}` };
    case 'ocf':
      return { name: 'program', type: `ocf:${command}`, params: parametersIn(answers.parameters) };
    case 'app':
      return {
        name: 'program',
        type: 'app',
        command: wordsOf(command),
        ...(answers.user.trim() === '' ? {} : { user: answers.user.trim() }),
        ...(answers.workingDirectory.trim() === '' ? {} : { directory: answers.workingDirectory.trim() }),
        ...(answers.environment.trim() === '' ? {} : { env: parametersIn(answers.environment) }),
        ...checkOf(answers),
      };
  }
}

function checkOf({ check, checkAt }: ServiceAnswers): object {
  if (check === 'none') return {};
  const how = check === 'command' ? wordsOf(checkAt) : checkAt.trim();
  return { check: { quick: { [check]: how } } };
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** As a shell would cut them, without anything else that a shell does: quotes keep blanks together. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

export function parametersIn(text: string): Readonly<Record<string, string>> {
  const pairs = text.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at < 1 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()] as const];
  });
  return Object.fromEntries(pairs);
}

export interface ServiceFaults {
  readonly service: boolean;
  readonly disk: boolean;
  readonly address: boolean;
  readonly program: boolean;
}

const ADDRESS = /^[0-9a-fA-F.:]+\/[0-9]{1,3}$/;
const WINDOW = /^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$/;
const AGENT = /^[a-z0-9_.-]+:[A-Za-z0-9_.-]+$/;
const UNIT = /^[A-Za-z0-9@_.:-]+$/;

/** Which pages still have something missing or wrong; the cluster judges the rest when it plans. */
export function serviceFaults(answers: ServiceAnswers, taken: readonly string[]): ServiceFaults {
  const { address, directories, interfaces, name, nodes } = answers;
  return {
    service: nameProblem(name, taken) !== null || nodes.length === 0 || !isWindow(answers),
    disk: mountsIn(directories).some(({ directory }) => !directory.startsWith('/')),
    address: address.trim() !== '' && (!ADDRESS.test(address.trim()) || listOf(interfaces).length === 0),
    program: !isProgram(answers),
  };
}

export function isWindow({
  failback,
  failbackWindow,
}: Pick<ServiceAnswers, 'failback' | 'failbackWindow'>): boolean {
  return !failback || failbackWindow.trim() === '' || WINDOW.test(failbackWindow.trim());
}

function isProgram({ check, checkAt, command, program, workingDirectory }: ServiceAnswers): boolean {
  switch (program) {
    case 'systemd':
      return UNIT.test(command.trim());
    case 'ocf':
      return AGENT.test(command.trim());
    case 'app':
      return (
        command.trim() !== '' &&
        /^(\/|$)/.test(workingDirectory.trim()) &&
        (check === 'none' || checkAt.trim() !== '')
      );
  }
}
