/**
 * Reads the configuration of a disk process: YAML text → checked settings, or one `config` error that names file, line and key.
 * The grammar is `config-schema.ts`; relative paths are relative to the file.
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import { EterneError, assert } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document } from 'yaml';
import type { VolumeConfig } from '../engine/api.ts';
import { INTERNAL_METADATA } from '../engine/disk/open-device.ts';
import { totalBytes } from '../engine/set/members.ts';
import { brokenRules } from './config-rules.ts';
import { brokenSetRules } from './config-sets.ts';
import { diskConfigSchema, type DiskConfigDocument, type VolumeDocument } from './config-schema.ts';
import { settingsOf } from './config-settings.ts';
import { unsupportedFeatures, type Complaint } from './config-support.ts';
import type { ExportSpec } from './port.ts';
import type { TlsFiles } from './tls-files.ts';

/** What is opened as one: a volume, or a mirror set (`config.members`). */
export interface VolumeSpec {
  readonly config: VolumeConfig;
  /** Of a volume by itself. */
  readonly exports: readonly ExportSpec[];
  /** Of a mirror set, in the order of `config.members`. */
  readonly members?: readonly MemberSpec[];
}

export interface MemberSpec {
  /** State of its front ends is kept beside it. */
  readonly metadataPath: string;
  readonly exports: readonly ExportSpec[];
}

export interface DiskConfig {
  readonly node: string;
  readonly controlPath: string;
  readonly replicationListen: readonly string[];
  readonly replicationTls: TlsFiles | undefined;
  readonly volumes: readonly VolumeSpec[];
}

const MAX_FILE_BYTES = 1024 * 1024;

export function loadDiskConfig(
  world: Pick<World, 'files'>,
  path: string,
  done: (result: DiskConfig | EterneError) => void,
): void {
  world.files.readFile(path, (content) => {
    if (content instanceof EterneError) return done(new EterneError('config', `${path}: ${content.message}`));
    if (content === undefined) return done(new EterneError('config', `${path} does not exist`));
    if (content.length > MAX_FILE_BYTES)
      return done(new EterneError('config', `${path} is longer than 1 MiB`));
    done(parseDiskConfig(content.toString('utf8'), path));
  });
}

/** `path` names the file in errors and anchors relative paths. */
export function parseDiskConfig(text: string, path: string): DiskConfig | EterneError {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax !== undefined)
    return new EterneError(
      'config',
      `${path}:${lines.linePos(syntax.pos[0]).line}: ${firstLine(syntax.message)}`,
    );
  const plain = toPlain(document);
  if (plain === undefined) return new EterneError('config', `${path}: it refers to itself too often`);
  const parsed = diskConfigSchema.safeParse(plain.value);
  const complaint = parsed.success
    ? [...brokenRules(parsed.data), ...brokenSetRules(parsed.data), ...unsupportedFeatures(parsed.data)][0]
    : complaintOf(parsed.error.issues[0]);
  if (complaint !== undefined) {
    const at = `${path}:${lineOf(document, lines, complaint.path)}`;
    return new EterneError('config', `${at}: ${complaint.message}`);
  }
  return parsed.success ? settings(parsed.data, dirname(resolve(path))) : new EterneError('config', path);
}

/** Undefined for aliases that blow up or lead nowhere. */
function toPlain(document: Document): { readonly value: unknown } | undefined {
  try {
    return { value: document.toJS() as unknown };
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
}

function complaintOf(issue: Issue | undefined): Complaint {
  const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key)));
  const unknown = issue?.keys?.[0];
  if (issue?.code === 'unrecognized_keys' && unknown !== undefined)
    return { path: [...path, unknown], message: `unknown key ${[...path, unknown].join('.')}` };
  return {
    path,
    message: `${path.length === 0 ? 'the file' : path.join('.')}: ${firstLine(issue?.message ?? 'invalid')}`,
  };
}

/** Line of the deepest node on `path` that exists; for a map's entry, of its key. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const parent: unknown = document.getIn(path.slice(0, depth - 1), true);
    const last = path[depth - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === last)
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function settings(document: DiskConfigDocument, folder: string): DiskConfig {
  return {
    node: document.node,
    controlPath: resolve(folder, document.control),
    replicationListen: document.replication === undefined ? [] : [document.replication.listen],
    replicationTls: resolveTls(folder, document.replication?.tls),
    volumes: specsOf(document, folder),
  };
}

/** Volumes by themselves, then the sets. */
function specsOf(document: DiskConfigDocument, folder: string): readonly VolumeSpec[] {
  const { mirrorSets, node, volumes } = document;
  const inSets = new Set(mirrorSets.flatMap((set) => set.volumes));
  const alone = volumes.filter(({ name }) => !inSets.has(name));
  const sets = mirrorSets.map((set) => {
    const named = set.volumes.map((name) => volumes.find((volume) => volume.name === name));
    return setSpec(
      set.name,
      node,
      named.filter((volume) => volume !== undefined),
      folder,
    );
  });
  return [...alone.map((volume) => volumeSpec(node, volume, folder)), ...sets];
}

function volumeSpec(node: string, volume: VolumeDocument, folder: string): VolumeSpec {
  return {
    config: volumeConfig(node, volume, folder),
    exports: volume.exports.map((entry) => exportOf(folder, entry)),
  };
}

/** Its metadata, and whatever its volumes must have in common, are those of the first one. */
function setSpec(name: string, node: string, volumes: readonly VolumeDocument[], folder: string): VolumeSpec {
  const specs = volumes.map((volume) => volumeSpec(node, volume, folder));
  const [first] = specs;
  assert(first !== undefined, 'a set has volumes');
  const members = specs.map(({ config }) => ({
    name: config.name,
    sizeBytes: config.sizeBytes,
    devicePath: config.devicePath,
  }));
  return {
    config: { ...first.config, name, sizeBytes: totalBytes(members), members },
    exports: [],
    members: specs.map(({ config, exports }) => ({ metadataPath: config.metadataPath, exports })),
  };
}

function volumeConfig(node: string, volume: VolumeDocument, folder: string): VolumeConfig {
  return {
    name: volume.name,
    node,
    sizeBytes: volume.size,
    mode: volume.mode,
    devicePath: resolveStore(folder, volume.device ?? ''),
    ...devicesOf(folder, volume),
    metadataPath:
      volume.metadata === INTERNAL_METADATA ? INTERNAL_METADATA : resolveStore(folder, volume.metadata),
    peers: volume.peers,
    initialSync: volume.initialSync,
    onPeerLost: volume.onPeerLost,
    ...peerLost(volume),
    ...settingsOf(volume),
    ...rescueJournal(folder, volume),
    onDiskError: volume.onDiskError,
  };
}

function devicesOf(folder: string, { devices }: VolumeDocument): Partial<VolumeConfig> {
  if (devices === undefined) return {};
  const resolved = Object.entries(devices).map(([name, path]) => [name, resolveStore(folder, path)]);
  return { devices: Object.fromEntries(resolved) as Record<string, string> };
}

function peerLost({ peerLost: given }: VolumeDocument): Partial<VolumeConfig> {
  if (given === undefined) return {};
  return { peerLost: { command: given.command, timeoutMs: given.timeout } };
}

function rescueJournal(folder: string, { rescueJournal: given }: VolumeDocument): Partial<VolumeConfig> {
  if (given === undefined || given.whenFull === 'off') return {};
  const { path, max, whenFull } = given;
  return { rescueJournal: { path: resolveStore(folder, path), maxBytes: max, whenFull } };
}

/** Stores behind a scheme (`nbd+unix://…`) are no paths. */
function resolveStore(folder: string, store: string): string {
  return store.includes('://') || isAbsolute(store) ? store : resolve(folder, store);
}

function exportOf(folder: string, entry: VolumeDocument['exports'][number]): ExportSpec {
  if ('attach' in entry) return { kind: 'attach', as: entry.attach, folder };
  return 'nbd' in entry ? nbdExport(folder, entry.nbd) : { kind: 'iscsi', ...entry.iscsi };
}

function nbdExport(
  folder: string,
  { listen, tls }: { listen: string; tls?: TlsFiles | undefined },
): ExportSpec {
  const files = resolveTls(folder, tls);
  const spec = { kind: 'nbd', listen: resolveListen(folder, listen) } as const;
  return files === undefined ? spec : { ...spec, tls: files };
}

function resolveTls(folder: string, tls: TlsFiles | undefined): TlsFiles | undefined {
  if (tls === undefined) return undefined;
  const { ca, cert, key } = tls;
  return { ca: resolve(folder, ca), cert: resolve(folder, cert), key: resolve(folder, key) };
}

function resolveListen(folder: string, listen: string): string {
  return listen.startsWith('unix:') ? `unix:${resolve(folder, listen.slice('unix:'.length))}` : listen;
}
