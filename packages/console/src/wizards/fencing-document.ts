/** How a node is switched off: from the answers to the list of all fence devices, which a document replaces as a whole, and what cannot be. Pure. */
import { addressesOf, hostOf, type Configuration, type FenceEntry } from './configuration.ts';
import { isSecret } from './secrets.ts';
import { parametersIn } from './service-document.ts';

export type FenceKind = 'ipmi' | 'redfish' | 'pdu' | 'vmware' | 'libvirt' | 'other' | 'none';
export type FenceParam =
  'ip' | 'username' | 'password' | 'plug' | 'community' | 'identity_file' | 'ssl_insecure';

interface KnownAgent {
  readonly agent: string;
  readonly asks: readonly FenceParam[];
  readonly says: Readonly<Record<string, string>>;
}

/** Names as the agents' own metadata have them. Every other agent is asked for by its name. */
export const AGENTS: Readonly<Record<Exclude<FenceKind, 'other' | 'none'>, KnownAgent>> = {
  ipmi: { agent: 'fence_ipmilan', asks: ['ip', 'username', 'password'], says: { lanplus: 'true' } },
  redfish: {
    agent: 'fence_redfish',
    asks: ['ip', 'username', 'password', 'ssl_insecure'],
    says: {},
  },
  pdu: { agent: 'fence_apc_snmp', asks: ['ip', 'plug', 'community'], says: {} },
  vmware: {
    agent: 'fence_vmware_rest',
    asks: ['ip', 'username', 'password', 'plug', 'ssl_insecure'],
    says: { ssl: 'true' },
  },
  libvirt: {
    agent: 'fence_virsh',
    asks: ['ip', 'username', 'password', 'identity_file', 'plug'],
    says: {},
  },
};
/** The agent has a default, or another way in. */
const OPTIONAL: readonly FenceParam[] = ['community', 'identity_file', 'ssl_insecure'];

/** A level (`1` … `9`) means: besides what is on it. */
export type FencePlace = 'instead' | 'later' | `${number}`;

export interface FenceAnswers {
  readonly kind: FenceKind;
  readonly params: Readonly<Partial<Record<FenceParam, string>>>;
  /** `other`: `fence_…`, or the path of one, and its parameters, NAME=VALUE, one a line. */
  readonly agent: string;
  readonly lines: string;
  readonly place: FencePlace;
  readonly action: 'reboot' | 'off';
}

export const LEVEL_MAX = 9;

export const devicesOf = ({ cluster }: Configuration): readonly FenceEntry[] => cluster?.fencing ?? [];
export const levelOf = ({ level = 1 }: FenceEntry): number => level;

/** By levels, the first to be tried first. */
export function levelsOf(devices: readonly FenceEntry[]): readonly number[] {
  return [...new Set(devices.map(levelOf))].toSorted((one, other) => one - other);
}

/** What other nodes have is likely here, too, down to the user; not the address, nor a secret. */
export function firstAnswers(configuration: Configuration, node: string): FenceAnswers {
  const devices = devicesOf(configuration);
  const own = devices.filter((device) => device.node === node);
  const last = Math.max(0, ...own.map(levelOf));
  const like = devices.findLast((device) => device.node !== node);
  const known = (Object.keys(AGENTS) as (keyof typeof AGENTS)[]).find(
    (kind) => AGENTS[kind].agent === like?.agent,
  );
  const said = (name: FenceParam): Partial<Record<FenceParam, string>> => {
    const value = like?.params?.[name];
    return known !== undefined && AGENTS[known].asks.includes(name) && typeof value === 'string'
      ? { [name]: value }
      : {};
  };
  return {
    kind: known ?? (like === undefined ? 'ipmi' : 'other'),
    params: { ...said('username'), ...said('identity_file'), ...said('ssl_insecure') },
    agent: like?.agent ?? '',
    lines: '',
    place: own.length > 0 && last < LEVEL_MAX ? 'later' : `${Math.max(1, last)}`,
    action: 'reboot',
  };
}

export function fencingDocument(
  configuration: Configuration,
  node: string,
  answers: FenceAnswers,
): { readonly cluster: { readonly fencing: readonly FenceEntry[] } } {
  const all = devicesOf(configuration);
  const isKept = (device: FenceEntry): boolean =>
    device.node !== node || (answers.place !== 'instead' && answers.kind !== 'none');
  const kept = all.filter(isKept);
  if (answers.kind === 'none') return { cluster: { fencing: kept } };
  const own = kept.filter((device) => device.node === node);
  const device = { node, ...agentOf(answers), level: levelFor(own, answers.place), action: answers.action };
  return { cluster: { fencing: [...kept, device] } };
}

function levelFor(own: readonly FenceEntry[], place: FencePlace): number {
  if (place === 'instead') return 1;
  return place === 'later' ? Math.max(0, ...own.map(levelOf)) + 1 : Number(place);
}

function agentOf({ agent, kind, lines, params }: FenceAnswers): Pick<FenceEntry, 'agent' | 'params'> {
  if (kind === 'other') return { agent: agent.trim(), params: parametersIn(lines) };
  if (kind === 'none') return { agent: '' };
  const known = AGENTS[kind];
  const given = known.asks.flatMap((name) => {
    const value = (params[name] ?? '').trim();
    return value === '' ? [] : [[name, value] as const];
  });
  return { agent: known.agent, params: { ...Object.fromEntries(given), ...known.says } };
}

export type FenceProblem =
  | 'agentMissing'
  | 'agentWrong'
  | 'noProof'
  | 'linesWrong'
  | 'linesOurs'
  | 'paramMissing'
  | 'keyMissing'
  | 'paramItself'
  | 'placeTwin'
  | 'tieBreaker'
  | 'volumeFence';

const AGENT = /^(\/[^\n]{1,4000}\/)?fence_[a-z0-9_]{1,64}$/;
/** They cut a node off from a disk or a network, or only ask the network: its services would run on. */
const NO_PROOF = /fence_(scsi|mpath|brocade|cisco_mds|sanbox2|ifmib|compute|heuristics_ping|ack_manual)$/;

/** Of the choice itself: a node without a device, where something counts on one. */
export function kindProblem(
  { cluster, volumes = [] }: Configuration,
  node: string,
  kind: FenceKind,
): FenceProblem | null {
  if (kind !== 'none') return null;
  if (cluster?.tieBreaker?.kind === 'fencing') return 'tieBreaker';
  const isUsed = volumes.some(({ fence, nodes = [] }) => fence === 'fencing' && nodes.includes(node));
  return isUsed ? 'volumeFence' : null;
}

export function agentProblem(agent: string): FenceProblem | null {
  const name = agent.trim();
  if (name === '') return 'agentMissing';
  if (!AGENT.test(name)) return 'agentWrong';
  return NO_PROOF.test(name) ? 'noProof' : null;
}

export function linesProblem(text: string): FenceProblem | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (!lines.every((line) => /^\s*[a-zA-Z_][a-zA-Z0-9_-]{0,63}\s*=/.test(line))) return 'linesWrong';
  const { action, nodename } = parametersIn(text);
  return action === undefined && nodename === undefined ? null : 'linesOurs';
}

/** The device must not need the help of the node that it switches off. */
export function paramProblem(
  configuration: Configuration,
  node: string,
  { kind, params }: Pick<FenceAnswers, 'kind' | 'params'>,
  name: FenceParam,
): FenceProblem | null {
  const value = (params[name] ?? '').trim();
  const needsKey = kind === 'libvirt' && name === 'password';
  if (needsKey) return value !== '' || (params.identity_file ?? '').trim() !== '' ? null : 'keyMissing';
  if (value === '') return OPTIONAL.includes(name) ? null : 'paramMissing';
  const hosts = addressesOf(configuration, node).map(hostOf);
  return name === 'ip' && hosts.includes(value) ? 'paramItself' : null;
}

/** A masked secret is found again by node, agent and level: two devices that have these in common would get the secret of one. */
export function placeProblem(
  configuration: Configuration,
  node: string,
  answers: FenceAnswers,
): FenceProblem | null {
  const all = fencingDocument(configuration, node, answers).cluster.fencing;
  const keys = all
    .filter(({ params = {} }) => Object.keys(params).some(isSecret))
    .map((device) => `${device.node} ${device.agent} ${levelOf(device)}`);
  return new Set(keys).size < keys.length ? 'placeTwin' : null;
}

export function isAccessComplete(configuration: Configuration, node: string, answers: FenceAnswers): boolean {
  if (answers.kind === 'none') return true;
  if (answers.kind === 'other')
    return agentProblem(answers.agent) === null && linesProblem(answers.lines) === null;
  return AGENTS[answers.kind].asks.every((name) => paramProblem(configuration, node, answers, name) === null);
}

/** What tells one device from the others, for the eye. */
export function deviceText({ agent, params = {} }: FenceEntry): string {
  const where = [params['ip'] ?? params['ipaddr'], params['plug'] ?? params['port']];
  return [agent, ...where.filter((part) => part !== undefined)].map(String).join(' ');
}
