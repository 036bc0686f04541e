/** How others than the cluster's own services get at a volume: from the answers to its exports in the document, and what cannot be. Pure. */
import {
  addressesOf,
  atNode,
  hostOf,
  type Configuration,
  type DiskEntry,
  type ExportEntry,
  type PerNode,
  type VolumeEntry,
} from './configuration.ts';

export type ExportKind = 'iscsi' | 'nbd' | 'none';
/** Whom it answers: programs on the serving node, whatever reaches any of its interfaces, or one address of each node. */
export type ExportReach = 'local' | 'all' | 'each';

export interface ExportAnswers {
  /** Of a volume with parts; else empty. */
  readonly part: string;
  /** Those that go, as `keyOf` names them. */
  readonly dropped: readonly string[];
  readonly kind: ExportKind;
  readonly reach: ExportReach;
  readonly port: string;
  /** `each`: by the node, with a port; absent: its API's, with `port`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly iqn: string;
  readonly login: 'chap' | 'open';
  readonly user: string;
  readonly password: string;
  /** Separated by commas. Empty: any. */
  readonly initiators: string;
  /** PEM files on the nodes. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** As the cluster's own rules. */
const EXPORTS_MAX = 8;
const ISCSI_NAME = /^(iqn\.\d{4}-\d{2}\.[a-z0-9.:-]+|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$/;
const ISCSI_NAME_MAX = 223;
const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.-]+):[0-9]{1,5}$/;
const PORTS = { iscsi: 3260, nbd: 10_809, none: 0 } as const;
const PORT_MAX = 65_535;
const ANY = ['0.0.0.0', '::', '*'];

export const keyOf = (entry: ExportEntry): string => JSON.stringify(entry);

export function volumeOf({ volumes = [] }: Configuration, name: string): VolumeEntry | undefined {
  return volumes.find((volume) => volume.name === name);
}

export const partsOf = ({ parts = [] }: VolumeEntry): readonly string[] => parts.map(({ name }) => name);

/** Nodes that may come to serve it. */
export function nodesOf({ nodes, parts, replicas }: VolumeEntry): readonly string[] {
  return nodes ?? Object.keys(replicas ?? parts?.[0]?.replicas ?? {});
}

function diskOf(volume: VolumeEntry, part: string): DiskEntry {
  return volume.parts?.find(({ name }) => name === part) ?? volume;
}

export function exportsOf(volume: VolumeEntry, part: string): readonly ExportEntry[] {
  return diskOf(volume, part).exports ?? [];
}

/** For the eye: what it is, and where. */
export function exportText({ iscsi, nbd }: ExportEntry): string {
  const { listen = '' } = iscsi ?? nbd ?? {};
  const where =
    typeof listen === 'string'
      ? listen
      : Object.entries(listen)
          .map(([node, address]) => `${node} ${address}`)
          .join(', ');
  return iscsi === undefined ? `NBD ${where}` : `iSCSI ${iscsi.iqn} ${where}`;
}

/** `part`: empty of a volume of one disk. */
export function firstAnswers(
  configuration: Configuration,
  volume: VolumeEntry,
  cluster: string,
  part: string,
): ExportAnswers {
  const answers: ExportAnswers = {
    part,
    dropped: [],
    kind: 'none',
    reach: 'all',
    port: '',
    addresses: {},
    iqn: iqnOf(cluster, volume.name, part),
    login: 'chap',
    user: volume.name,
    password: '',
    initiators: '',
    ca: '',
    cert: '',
    key: '',
  };
  const kind = kindProblem(volume, { ...answers, kind: 'iscsi' }) === null ? 'iscsi' : 'nbd';
  return { ...answers, ...kindAnswers(configuration, volume, kind) };
}

/** What usually goes with it. */
export function kindAnswers(
  configuration: Configuration,
  volume: VolumeEntry,
  kind: ExportKind,
): Pick<ExportAnswers, 'kind' | 'reach' | 'port' | 'addresses'> {
  const reach = kind === 'nbd' ? 'local' : 'all';
  let port: number = PORTS[kind];
  while (port < PORT_MAX && isTaken(configuration, nodesOf(volume), `0.0.0.0:${port}`, [])) port += 1;
  return { kind, reach, port: String(port), addresses: {} };
}

function iqnOf(cluster: string, volume: string, part: string): string {
  const name = [cluster, volume, part].filter((word) => word !== '').join('-');
  return `iqn.2026-11.io.eterne:${name.toLowerCase().replaceAll(/[^a-z0-9.:-]/g, '-')}`;
}

export function exportDocument(
  configuration: Configuration,
  volume: VolumeEntry,
  answers: ExportAnswers,
): { readonly volumes: readonly [VolumeEntry] } {
  const added = entryOf(configuration, volume, answers);
  const exports = [...keptOf(volume, answers), ...(added === null ? [] : [added])];
  if (volume.parts === undefined) return { volumes: [{ ...volume, exports }] };
  const parts = volume.parts.map((part) => (part.name === answers.part ? { ...part, exports } : part));
  return { volumes: [{ ...volume, parts }] };
}

function keptOf(volume: VolumeEntry, { dropped, part }: ExportAnswers): readonly ExportEntry[] {
  return exportsOf(volume, part).filter((entry) => !dropped.includes(keyOf(entry)));
}

function entryOf(
  configuration: Configuration,
  volume: VolumeEntry,
  answers: ExportAnswers,
): ExportEntry | null {
  const { ca, cert, iqn, key, kind, login, reach } = answers;
  const listen = listenOf(configuration, volume, answers);
  if (kind === 'none') return null;
  if (kind === 'nbd') {
    const tls = { ca: ca.trim(), cert: cert.trim(), key: key.trim() };
    return { nbd: { listen, ...(reach === 'local' ? {} : { tls }) } };
  }
  const initiators = listIn(answers.initiators);
  return {
    iscsi: {
      listen,
      iqn: iqn.trim(),
      ...(initiators.length === 0 ? {} : { initiators }),
      ...(login === 'open' ? {} : { chap: { user: answers.user.trim(), password: answers.password } }),
    },
  };
}

function listenOf(configuration: Configuration, volume: VolumeEntry, answers: ExportAnswers): PerNode {
  if (answers.reach !== 'each') return everywhere(answers);
  return Object.fromEntries(
    nodesOf(volume).map((node) => [node, addressAt(configuration, answers, node).trim()]),
  );
}

function everywhere({ port, reach }: Pick<ExportAnswers, 'port' | 'reach'>): string {
  return `${reach === 'local' ? '127.0.0.1' : '0.0.0.0'}:${port.trim()}`;
}

/** As it was written, else where the node's API is. */
export function addressAt(
  { nodes = [] }: Configuration,
  { addresses, port }: Pick<ExportAnswers, 'addresses' | 'port'>,
  node: string,
): string {
  const host = hostOf(nodes.find(({ name }) => name === node)?.api ?? '');
  return addresses[node] ?? `${host.includes(':') ? `[${host}]` : host}:${port.trim()}`;
}

const listIn = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

export type ExportProblem =
  | 'two'
  | 'devices'
  | 'eight'
  | 'portWrong'
  | 'portTaken'
  | 'addressWrong'
  | 'iqnWrong'
  | 'iqnTaken'
  | 'missing'
  | 'initiatorsWrong'
  | 'pathRelative';

export function kindProblem(volume: VolumeEntry, answers: ExportAnswers): ExportProblem | null {
  const kept = keptOf(volume, answers);
  if (answers.kind === 'none') return null;
  if (kept.length >= EXPORTS_MAX) return 'eight';
  if (answers.kind === 'nbd') return null;
  if (volume.devices !== undefined) return 'devices';
  return kept.some(({ iscsi }) => iscsi !== undefined) ? 'two' : null;
}

/** Of the port for all nodes, or of the address of `node`. */
export function listenProblem(
  configuration: Configuration,
  volume: VolumeEntry,
  answers: ExportAnswers,
  node: string | null,
): ExportProblem | null {
  const address = node === null ? everywhere(answers) : addressAt(configuration, answers, node).trim();
  if (node !== null && !ADDRESS.test(address)) return 'addressWrong';
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  if (!(Number.isInteger(port) && port >= 1 && port <= PORT_MAX)) return 'portWrong';
  const nodes = node === null ? nodesOf(volume) : [node];
  const gone = answers.dropped.map((key) => goneKey(volume, answers.part, key));
  return isTaken(configuration, nodes, address, gone) ? 'portTaken' : null;
}

/** On one of the nodes, by another export, or by the node's own API or log. */
function isTaken(
  configuration: Configuration,
  nodes: readonly string[],
  address: string,
  gone: readonly string[],
): boolean {
  return nodes.some((node) =>
    [...addressesOf(configuration, node), ...exportedAt(configuration, node, gone)].some((other) =>
      clash(address, other),
    ),
  );
}

/** `gone`: exports that are to go, as `goneKey` names them. */
function exportedAt(
  { volumes = [] }: Configuration,
  node: string,
  gone: readonly string[],
): readonly string[] {
  return volumes
    .filter((volume) => nodesOf(volume).includes(node))
    .flatMap((volume) =>
      (volume.parts === undefined ? [''] : partsOf(volume)).flatMap((part) =>
        exportsOf(volume, part)
          .filter((entry) => !gone.includes(goneKey(volume, part, keyOf(entry))))
          .map(({ iscsi, nbd }) => atNode((iscsi ?? nbd)?.listen ?? '', node) ?? ''),
      ),
    );
}

const goneKey = ({ name }: VolumeEntry, part: string, key: string): string => `${name} ${part} ${key}`;

function clash(one: string, other: string): boolean {
  const port = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
  if (port(one) !== port(other)) return false;
  const hosts = [hostOf(one), hostOf(other)];
  return hosts[0] === hosts[1] || hosts.some((host) => ANY.includes(host));
}

export function isReachComplete(
  configuration: Configuration,
  volume: VolumeEntry,
  answers: ExportAnswers,
): boolean {
  const places = answers.reach === 'each' ? nodesOf(volume) : [null];
  return places.every((node) => listenProblem(configuration, volume, answers, node) === null);
}

export type AccessField = 'iqn' | 'user' | 'password' | 'initiators' | 'ca' | 'cert' | 'key';

/** What is asked about who may use it. */
export function accessFields({ kind, login, reach }: ExportAnswers): readonly AccessField[] {
  if (kind === 'iscsi')
    return login === 'chap' ? ['iqn', 'user', 'password', 'initiators'] : ['iqn', 'initiators'];
  return kind === 'nbd' && reach !== 'local' ? ['ca', 'cert', 'key'] : [];
}

export function accessProblem(
  { volumes = [] }: Configuration,
  volume: VolumeEntry,
  answers: ExportAnswers,
  field: AccessField,
): ExportProblem | null {
  const text = answers[field].trim();
  const isName = (name: string): boolean => ISCSI_NAME.test(name) && name.length <= ISCSI_NAME_MAX;
  switch (field) {
    case 'initiators':
      return listIn(text).every(isName) ? null : 'initiatorsWrong';
    case 'iqn': {
      if (!isName(text)) return 'iqnWrong';
      const others = volumes.flatMap((one) =>
        [one, ...(one.parts ?? [])].flatMap((disk) =>
          one.name === volume.name && (disk === one || disk.name === answers.part)
            ? []
            : (disk.exports ?? []),
        ),
      );
      return others.some(({ iscsi }) => iscsi?.iqn === text) ? 'iqnTaken' : null;
    }
    case 'user':
    case 'password':
      return text === '' ? 'missing' : null;
    case 'ca':
    case 'cert':
    case 'key':
      return text === '' ? 'missing' : text.startsWith('/') ? null : 'pathRelative';
  }
}
