/**
 * The configuration document (`eterne config apply`): its grammar and defaults. Unknown keys and values are refused with their path.
 *
 *   cluster  edition, profile, timezone, tieBreaker, prefer, ping, onShutdown, consensus, watchdog, fencing, watch, heartbeatDisks
 *   nodes    name, capacity: { quantity: amount }, addresses: [host:port …], api: host:port
 *   volumes  name, size, replicas: { node: device } (or parts: [{ name, size, replicas, exports }], or devices: { name: device }, nodes and fence), mode, initialSync, onDiskError, asyncTakeover, rescueJournal, exports, and the settings of `eterne disk run`
 *   groups   name, nodes, failback, with, apart, after, demand, onStopFailure, watch, resources: [{ name, type, restart, startTimeout, stopTimeout, …the agent's own }]
 *
 * A document says what should be there; what it does not name stays as it is.
 */
import { EterneError, parseDurationMs, parseSizeBytes } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import { settingsOf, settingsShape } from '@eterne/disk/process/config-settings.ts';
import { address, iscsiExport, nbdExport, tcpAddress } from '@eterne/disk/process/export-schema.ts';
import { z } from 'zod';
import { checkResourceParams } from '../../monitor/agents/registry.ts';
import { NAME, NODE_PATHS_MAX, normaliseAddress } from '../../node/identity.ts';
import { parseApiAddress } from '../../pki/addresses.ts';
import { PARTS_MAX } from '../../state/parts.ts';
import { RESCUE_BYTES } from '../../state/volume-defaults.ts';
import { TROUBLE_KINDS, USUAL_WATCH } from '../../state/watch.ts';
import type {
  ClusterConfig,
  FenceDevice,
  GroupSpec,
  Quantities,
  RescueSpec,
  ResourceDefinition,
  VolumeExport,
  VolumeSpec,
} from '../../state/model.ts';
import { disksOf, type GivenPart } from './volume-disks.ts';

export const DOCUMENT_ITEMS_MAX = 1024;
/** 32 nodes with two levels of two devices. */
const FENCE_DEVICES_MAX = 128;
const QUANTITIES_MAX = 16;

const name = z.string().regex(NAME, 'is not a name: letters, digits, dots, dashes, underscores; at most 63');
/** Without dots, so that `${name.key}` reads one way only. */
const resourceName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$/, 'is not a resource name');
const duration = z
  .string({ error: ({ input }) => (typeof input === 'number' ? 'has no unit' : undefined) })
  .transform((text, context) => parsed(() => parseDurationMs(text), context));
export const volumeSize = z.union([z.string(), z.number()]).transform((text, context) => {
  const bytes = parsed(() => parseSizeBytes(text), context);
  if (context.issues.length > 0) return bytes;
  if (bytes === 0 || bytes % 4096 !== 0) context.addIssue('is not a multiple of 4096 bytes');
  return bytes;
});

function parsed<T>(parse: () => T, context: z.RefinementCtx): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    context.addIssue({ code: 'custom', message: error.message, params: { hint: error.hint } });
    return z.NEVER;
  }
}

const timezone = z.string().refine(isTimezone, 'is not a time zone');

function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone }).format(0);
    return true;
  } catch {
    return false;
  }
}

const fenceDevice = z.strictObject({
  node: name,
  agent: z
    .string()
    .regex(/^(\/[^\0\n]{1,4000}\/)?fence_[a-z0-9_]{1,64}$/, 'is not a fence agent: fence_… or its path'),
  params: z
    .record(
      z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/, 'is not a parameter of a fence agent'),
      z
        .union([z.string(), z.number(), z.boolean()])
        .transform(String)
        .pipe(
          z
            .string()
            .max(4096)
            .regex(/^[^\n\r\0]*$/, 'has more than one line'),
        ),
    )
    .refine(
      (params) => !('action' in params || 'nodename' in params),
      'action and nodename are said by Eterne',
    )
    .default({}),
  level: z.number().int().min(1).max(9).default(1),
  action: z.enum(['off', 'reboot']).default('reboot'),
  timeout: duration.prefault('60s'),
  retries: z.number().int().min(0).max(10).default(1),
});

/** Reference addresses: routers, name servers. */
const ping = z
  .array(
    z
      .string()
      .max(255)
      .regex(/^[0-9a-zA-Z.:-]+$/, 'is not an address'),
  )
  .max(8)
  .default([]);

const watchPolicy = z.enum(['ignore', 'warn', 'move']);
const watchPolicies = z.partialRecord(z.enum(TROUBLE_KINDS), watchPolicy);
const percent = z.union([z.string(), z.number()]).transform((text, context) => {
  const value = Number(String(text).replace(/%$/, ''));
  if (!(Number.isInteger(value) && value >= 1 && value <= 99)) context.addIssue('is not 1% to 99%');
  return value;
});
const watch = z
  .strictObject({
    link: watchPolicy.default(USUAL_WATCH.policies.link),
    address: watchPolicy.default(USUAL_WATCH.policies.address),
    disk: watchPolicy.default(USUAL_WATCH.policies.disk),
    replica: watchPolicy.default(USUAL_WATCH.policies.replica),
    readOnly: watchPolicy.default(USUAL_WATCH.policies.readOnly),
    full: watchPolicy.default(USUAL_WATCH.policies.full),
    memory: watchPolicy.default(USUAL_WATCH.policies.memory),
    fullAbove: percent.prefault(USUAL_WATCH.fullPercent),
    memoryBelow: percent.prefault(USUAL_WATCH.memoryPercent),
  })
  .transform(({ fullAbove, memoryBelow, ...policies }) => ({
    policies,
    fullPercent: fullAbove,
    memoryPercent: memoryBelow,
  }));
const absolutePath = z.string().max(4096).regex(/^\//, 'is not an absolute path');

function perNode<T extends z.ZodType<string>>(text: T) {
  return z.union([text, z.record(name, text)]);
}

const cluster = z.strictObject({
  edition: z.enum(['ha', 'cluster']).optional(),
  profile: z.enum(['lan', 'wan']).optional(),
  timezone: timezone.optional(),
  tieBreaker: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.enum(['none', 'witness']) }),
      z.strictObject({
        kind: z.literal('disk'),
        device: absolutePath,
        ping,
      }),
      z
        .strictObject({ kind: z.literal('fencing'), delay: duration.prefault('2s'), ping })
        .transform(({ delay, ...rest }) => ({ ...rest, delayMs: delay })),
    ])
    .optional(),
  prefer: z.enum(['consistency', 'availability']).optional(),
  ping: ping.unwrap().optional(),
  onShutdown: z.enum(['move', 'freeze', 'conditional']).optional(),
  consensus: z
    .discriminatedUnion('engine', [
      z.strictObject({ engine: z.literal('embedded') }),
      z
        .strictObject({
          engine: z.literal('etcd'),
          endpoints: z.array(tcpAddress).min(1).max(16),
          ca: absolutePath.optional(),
          cert: absolutePath.optional(),
          key: absolutePath.optional(),
        })
        .refine(
          ({ ca, cert, key }) =>
            (cert === undefined) === (key === undefined) && (ca !== undefined || cert === undefined),
          'needs ca, or ca, cert and key, or none of them',
        )
        .transform(({ ca, cert, key, ...rest }) => ({
          ...rest,
          ca: ca ?? null,
          cert: cert ?? null,
          key: key ?? null,
        })),
    ])
    .optional(),
  watchdog: z
    .union([
      z.literal('off').transform(() => null),
      z
        .strictObject({
          device: z
            .string()
            .max(4096)
            .regex(/^(unix:)?\//, 'is neither an absolute path nor unix:PATH')
            .default('/dev/watchdog'),
          timeout: duration
            .prefault('2s')
            .pipe(z.number().min(1000, 'is shorter than 1s').max(60_000, 'is longer than 60s')),
        })
        .transform(({ device, timeout }) => ({ device, timeoutMs: timeout })),
    ])
    .optional(),
  fencing: z.array(fenceDevice).max(FENCE_DEVICES_MAX).optional(),
  watch: watch.optional(),
  heartbeatDisks: z.array(perNode(absolutePath)).optional(),
});

const amount = z.union([z.string(), z.number()]).transform((text, context) => {
  const value = typeof text === 'number' ? text : parsed(() => parseSizeBytes(text), context);
  if (!Number.isSafeInteger(value) || value < 0)
    context.addIssue('is not a whole number, or a size such as 4GiB');
  return value;
});
const quantities = z
  .record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,31}$/, 'is not the name of a quantity'), amount)
  .refine((all) => Object.keys(all).length <= QUANTITIES_MAX, `has more than ${QUANTITIES_MAX} quantities`);

const place = <T>(parse: (text: string) => T) =>
  z
    .string()
    .max(300)
    .transform((text, context) => parsed(() => parse(text), context));

const node = z.strictObject({
  name,
  capacity: quantities.optional(),
  addresses: z
    .array(place(normaliseAddress))
    .min(1)
    .max(NODE_PATHS_MAX)
    .refine((all) => new Set(all).size === all.length, 'has the same address twice')
    .optional(),
  api: place(parseApiAddress).optional(),
});

/** As of a node alone (`eterne disk run`), with an address for every node or one that is the same on all. */
const volumeExport = z.union([
  z.strictObject({ nbd: nbdExport.extend({ listen: perNode(address) }) }),
  z.strictObject({ iscsi: iscsiExport.extend({ listen: perNode(tcpAddress) }) }),
]);

const volumeExports = z.array(volumeExport).max(8).default([]);
const devicePath = z.string().min(1).max(4096);
/** Node → device. */
const devices = z.record(name, devicePath);

const volumePart = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_]{0,31}$/, 'is not the name of a part: letters, digits, underscores'),
  size: volumeSize,
  replicas: devices,
  exports: volumeExports,
});

const volume = z.strictObject({
  name,
  size: volumeSize.optional(),
  parts: z
    .array(volumePart)
    .min(2, 'are at least two; a volume of one disk has size and replicas itself')
    .max(PARTS_MAX, `are at most ${PARTS_MAX}`)
    .optional(),
  mode: z.enum(['sync', 'async']).default('sync'),
  initialSync: z.enum(['smart', 'full', 'none']).default('smart'),
  onDiskError: z.enum(['serve-from-peer', 'move']).default('serve-from-peer'),
  asyncTakeover: z.enum(['operator', 'auto']).default('operator'),
  replicas: devices.optional(),
  devices: z.record(name, perNode(devicePath)).optional(),
  nodes: z.array(name).min(1).max(32).optional(),
  fence: z.enum(['reservation', 'fencing', 'lock']).optional(),
  ...settingsShape,
  rescueJournal: z
    .strictObject({
      path: perNode(absolutePath).optional(),
      max: volumeSize
        .refine((bytes) => bytes >= 17 * 1024 * 1024, 'is less than 17MiB')
        .prefault(RESCUE_BYTES),
      whenFull: z.enum(['pause', 'drop-oldest', 'off']).default('pause'),
    })
    .optional(),
  exports: volumeExports,
});

const restart = z.strictObject({
  attempts: z.number().int().min(0).max(1000).default(2),
  window: duration.prefault('10m'),
});

const resource = z.looseObject({
  name: resourceName,
  type: z.string().min(1).max(128),
  restart: restart.prefault({}),
  startTimeout: duration.prefault('60s'),
  stopTimeout: duration.prefault('60s'),
});

const clockTime = '([01][0-9]|2[0-3]):[0-5][0-9]';

const group = z.strictObject({
  name,
  nodes: z.array(name).min(1).max(32),
  failback: z
    .strictObject({
      enabled: z.boolean().default(false),
      window: z
        .string()
        .regex(new RegExp(`^${clockTime}-${clockTime}$`), 'is not HH:MM-HH:MM')
        .refine((text) => text.slice(0, 5) !== text.slice(6), 'has no time in it: leave it out for any time')
        .optional(),
    })
    .prefault({}),
  with: z.array(name).max(DOCUMENT_ITEMS_MAX).default([]),
  apart: z.array(name).max(DOCUMENT_ITEMS_MAX).default([]),
  after: z.array(name).max(DOCUMENT_ITEMS_MAX).default([]),
  demand: quantities.default({}),
  onStopFailure: z.enum(['block', 'kill', 'fence']).default('block'),
  watch: watchPolicies.default({}),
  resources: z.array(resource).min(1),
});

const document = z.strictObject({
  cluster: cluster.optional(),
  nodes: z.array(node).max(DOCUMENT_ITEMS_MAX).default([]),
  volumes: z.array(volume).max(DOCUMENT_ITEMS_MAX).default([]),
  groups: z.array(group).max(DOCUMENT_ITEMS_MAX).default([]),
});

/** What is absent stays as it is. */
export interface NodeSettings {
  readonly name: string;
  readonly capacity?: Quantities | undefined;
  readonly addresses?: readonly Address[] | undefined;
  readonly api?: Address | undefined;
}

export interface ConfigDocument {
  readonly cluster: Partial<ClusterConfig> | undefined;
  readonly nodes: readonly NodeSettings[];
  readonly volumes: readonly VolumeSpec[];
  readonly groups: readonly GroupSpec[];
}

/** Throws `config` with the path of the first wrong key. */
export function parseDocument(value: unknown): ConfigDocument {
  const result = document.safeParse(value ?? {});
  if (!result.success) throw documentError(value, result.error);
  const { cluster: given, nodes, volumes, groups } = result.data;
  refuseRepeats('nodes', nodes);
  refuseRepeats('volumes', volumes);
  refuseRepeats('groups', groups);
  return {
    cluster: given && clusterChange(given),
    nodes,
    volumes: volumes.map(volumeSpec),
    groups: groups.map(groupSpec),
  };
}

function documentError(document: unknown, error: z.ZodError): EterneError {
  // What seems to be missing is often there, under a name that is not known.
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0];
  const path = pathWithNames(document, issue?.path ?? []);
  const message = `${path === '' ? 'the document' : path}: ${issue === undefined ? 'is wrong' : sentenceOf(issue, document)}`;
  const hint = issue?.code === 'custom' ? (issue.params?.['hint'] as string | undefined) : undefined;
  return new EterneError('config', message, hint === undefined ? {} : { hint });
}

/** What the grammar says by itself is for programmers. */
function sentenceOf(issue: z.core.$ZodIssue, document: unknown): string {
  if (!/^(Invalid|Unrecognized) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.join(', ')}`;
    case 'invalid_value':
      return `has to be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return isAbsent(document, issue.path) ? 'is missing' : shapeSentence(issue.expected, issue.message);
    default:
      return issue.message;
  }
}

function shapeSentence(expected: string, message: string): string {
  if (expected === 'array') return 'has to be a list';
  if (expected === 'object' || expected === 'record') return 'has to be a mapping of keys';
  return expected === 'string' ? 'has to be a text' : message;
}

function isAbsent(document: unknown, path: readonly PropertyKey[]): boolean {
  return path.reduce((at: unknown, key) => Object(at)[key] as unknown, document) === undefined;
}

/** `groups.db.resources.app.command`: an item is called by its name, or by its place where it has none that could be said. */
function pathWithNames(document: unknown, path: readonly PropertyKey[]): string {
  let at = document;
  const words = path.map((key) => {
    const isItem = Array.isArray(at);
    at = Object(at)[key] as unknown;
    const called = name.safeParse(Object(at)['name'] as unknown);
    return isItem && called.success ? called.data : String(key);
  });
  return words.join('.');
}

function refuseRepeats(where: string, items: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item.name)) throw new EterneError('config', `${where}: ${item.name} is there twice`);
    seen.add(item.name);
  }
}

function clusterChange(given: z.infer<typeof cluster>): Partial<ClusterConfig> {
  const {
    edition,
    profile,
    timezone: zone,
    tieBreaker,
    prefer,
    ping: addresses,
    onShutdown,
    fencing,
    watchdog,
    consensus,
    watch: watched,
    heartbeatDisks,
  } = given;
  return {
    ...(edition === undefined ? {} : { edition }),
    ...(profile === undefined ? {} : { profile }),
    ...(zone === undefined ? {} : { timezone: zone }),
    ...(tieBreaker === undefined ? {} : { tieBreaker }),
    ...(prefer === undefined ? {} : { prefer }),
    ...(addresses === undefined ? {} : { ping: addresses }),
    ...(onShutdown === undefined ? {} : { onShutdown }),
    ...(watchdog === undefined ? {} : { watchdog }),
    ...(consensus === undefined ? {} : { consensus }),
    ...(watched === undefined ? {} : { watch: watched }),
    ...(fencing === undefined ? {} : { fencing: fencing.map(fenceDeviceSpec) }),
    ...(heartbeatDisks === undefined
      ? {}
      : { heartbeatDisks: heartbeatDisks.map((device) => ({ device, id: '' })) }),
  };
}

function fenceDeviceSpec(given: z.infer<typeof fenceDevice>): FenceDevice {
  const { node, agent, params, level, action, timeout, retries } = given;
  return { node, agent, params, level, action, timeoutMs: timeout, retries };
}

function volumeSpec(given: z.infer<typeof volume>): VolumeSpec {
  return {
    name: given.name,
    ...disksOf(given.name, {
      ...given,
      exports: given.exports.map(exportSpec),
      parts: given.parts?.map(partOf),
    }),
    mode: given.mode,
    initialSync: given.initialSync,
    onDiskError: given.onDiskError,
    asyncTakeover: given.asyncTakeover,
    settings: settingsOf(given),
    rescueJournal: rescueSpec(given),
  };
}

function partOf({ exports, ...part }: z.infer<typeof volumePart>): GivenPart {
  return { ...part, exports: exports.map(exportSpec) };
}

/** What an asynchronous replica would lose in a take-over is kept unless somebody says otherwise. */
function rescueSpec({ mode, rescueJournal: given }: z.infer<typeof volume>): RescueSpec | null {
  const usual = { path: null, maxBytes: RESCUE_BYTES, whenFull: 'pause' } as const;
  if (given === undefined) return mode === 'async' ? usual : null;
  const { path, max, whenFull } = given;
  return whenFull === 'off' ? null : { path: path ?? null, maxBytes: max, whenFull };
}

function exportSpec(entry: z.infer<typeof volumeExport>): VolumeExport {
  if ('nbd' in entry) return { kind: 'nbd', ...defined(entry.nbd) };
  const { chap, ...iscsi } = entry.iscsi;
  return { kind: 'iscsi', ...defined(iscsi), ...(chap === undefined ? {} : { chap: defined(chap) }) };
}

/** Without the keys that were not given, so that documents compare by what they say. */
function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

function groupSpec(given: z.infer<typeof group>): GroupSpec {
  const { enabled, window } = given.failback;
  return {
    name: given.name,
    nodes: given.nodes,
    failback: { enabled, window: window ?? null },
    rules: { with: given.with, apart: given.apart, after: given.after },
    demand: given.demand,
    onStopFailure: given.onStopFailure,
    watch: given.watch,
    resources: given.resources.map((item) => resourceDefinition(given.name, item)),
  };
}

function resourceDefinition(groupName: string, given: z.infer<typeof resource>): ResourceDefinition {
  const { name: own, type, restart: policy, startTimeout, stopTimeout, ...params } = given;
  try {
    checkResourceParams(type, params);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    throw new EterneError(
      'config',
      `group ${groupName}, resource ${own}: ${error.message}`,
      error.hint === undefined ? {} : { hint: error.hint },
    );
  }
  return {
    name: own,
    type,
    params,
    startTimeoutMs: startTimeout,
    stopTimeoutMs: stopTimeout,
    restart: { attempts: policy.attempts, windowMs: policy.window },
  };
}
