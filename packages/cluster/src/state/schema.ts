/** The shape of `ClusterState`, checked when a snapshot is read. */
import { DISK_STATES, SPLIT_BRAIN_ACTIONS } from '@eterne/disk/engine/api.ts';
import { z } from 'zod';
import type { ClusterState } from './model.ts';
import { STATE_VERSION } from './model.ts';
import { FIRST_LOG } from './log-defaults.ts';
import { PLAIN_VOLUME } from './volume-defaults.ts';
import { TROUBLE_KINDS, USUAL_WATCH } from './watch.ts';

const name = z.string().min(1).max(63);
const count = z.number().int().min(0);
const record = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

const troubleKind = z.enum(TROUBLE_KINDS);
const watchPolicy = z.enum(['ignore', 'warn', 'move']);
/** Absent in snapshots of before anything was watched. */
const watch = z
  .strictObject({
    policies: z.record(troubleKind, watchPolicy),
    fullPercent: count,
    memoryPercent: count,
  })
  .default(USUAL_WATCH);
const perNode = z.union([z.string(), record(z.string())]);

const consensus = z.discriminatedUnion('engine', [
  z.strictObject({ engine: z.literal('embedded') }),
  z.strictObject({
    engine: z.literal('etcd'),
    endpoints: z.array(z.string()),
    ca: z.string().nullable(),
    cert: z.string().nullable(),
    key: z.string().nullable(),
  }),
]);

const config = z.strictObject({
  edition: z.enum(['ha', 'cluster']),
  profile: z.enum(['lan', 'wan']),
  timezone: z.string(),
  tieBreaker: z.union([
    z.strictObject({ kind: z.enum(['none', 'witness']) }),
    z.strictObject({ kind: z.literal('disk'), device: z.string(), ping: z.array(z.string()).default([]) }),
    z.strictObject({ kind: z.literal('fencing'), delayMs: count, ping: z.array(z.string()) }),
  ]),
  prefer: z.enum(['consistency', 'availability']),
  ping: z.array(z.string()),
  onShutdown: z.enum(['move', 'freeze', 'conditional']),
  fencing: z
    .array(
      z.strictObject({
        node: name,
        agent: z.string(),
        params: record(z.string()),
        level: count,
        action: z.enum(['off', 'reboot']),
        timeoutMs: count,
        retries: count,
      }),
    )
    .default([]),
  watchdog: z.strictObject({ device: z.string(), timeoutMs: count }).nullable().default(null),
  consensus: consensus.default({ engine: 'embedded' }),
  watch,
  heartbeatDisks: z.array(z.strictObject({ device: perNode, id: z.string() })).default([]),
});

const pid = count.nullable();
/** Absent in snapshots of before there were capacities. */
const quantities = record(z.number()).default({});

const member = z.strictObject({
  name,
  role: z.enum(['node', 'witness']),
  addresses: z.array(z.string()),
  api: z.string(),
  voterId: z.string(),
  level: count,
  mode: z.enum(['active', 'standby', 'maintenance']),
  startId: z.string(),
  incarnation: count,
  pids: z.strictObject({ service: pid, monitor: pid, heart: pid, disk: pid }),
  watchdogMs: count.nullable().default(null),
  presence: z.enum(['unknown', 'online', 'lost', 'leaving']),
  comesBack: z.literal(true).exactOptional(),
  sees: z.array(name).default([]),
  diskTroubles: z.array(z.string()).default([]),
  capacity: quantities,
  troubles: z
    .array(z.strictObject({ kind: troubleKind, subject: z.string(), detail: z.string() }))
    .default([]),
});

const bytesPair = z.strictObject({ minBytesPerSecond: count, maxBytesPerSecond: count });
const action = z.enum(SPLIT_BRAIN_ACTIONS);

const settings = z.strictObject({
  readPolicy: z.enum(['local', 'round-robin', 'least-pending', 'striped']),
  splitBrain: z.strictObject({ zeroPrimaries: action, onePrimary: action, twoPrimaries: action }),
  resyncRate: bytesPair,
  verify: z.strictObject({ schedule: z.string(), repair: z.boolean() }).exactOptional(),
  congestion: z.strictObject({ queueBytes: count, policy: z.enum(['slow', 'ahead']) }),
  compress: z.enum(['none', 'zstd']).exactOptional(),
  linkChecksums: z.enum(['none', 'crc32c']).exactOptional(),
  checksums: z.enum(['none', 'crc32c']).exactOptional(),
  diskTimeoutMs: count,
});

const files = z.strictObject({ ca: z.string(), cert: z.string(), key: z.string() });
const volumeExport = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('nbd'), listen: perNode, tls: files.exactOptional() }),
  z.strictObject({
    kind: z.literal('iscsi'),
    listen: perNode,
    iqn: z.string(),
    initiators: z.array(z.string()).exactOptional(),
    chap: z
      .strictObject({
        user: z.string(),
        password: z.string(),
        mutualUser: z.string().exactOptional(),
        mutualPassword: z.string().exactOptional(),
      })
      .exactOptional(),
  }),
]);

const rescueJournal = z.strictObject({
  path: perNode.nullable(),
  maxBytes: count,
  whenFull: z.enum(['pause', 'drop-oldest']),
});

const wallMs = z.number().nullable();
const givenUp = z.strictObject({
  node: name,
  atMs: z.number(),
  hasUntilMs: wallMs,
  lagBytes: count.nullable(),
});

const diskState = z.enum([...DISK_STATES, 'Unknown']);

const volumeShape = z.strictObject({
  size: z.strictObject({ originBytes: count, presentBytes: count }).optional(),
  spec: z.strictObject({
    name,
    sizeBytes: count,
    mode: z.enum(['sync', 'async']),
    replicas: z.array(
      z.strictObject({ node: name, device: z.string(), behind: z.array(z.string()).exactOptional() }),
    ),
    joined: z
      .strictObject({ devices: z.array(name), fence: z.enum(['reservation', 'fencing', 'lock']) })
      .exactOptional(),
    initialSync: z.enum(['smart', 'full', 'none']),
    onDiskError: z.enum(['serve-from-peer', 'move']).default(PLAIN_VOLUME.onDiskError),
    asyncTakeover: z.enum(['operator', 'auto']).default(PLAIN_VOLUME.asyncTakeover),
    settings: settings.default(PLAIN_VOLUME.settings),
    rescueJournal: rescueJournal.nullable().default(PLAIN_VOLUME.rescueJournal),
    exports: z.array(volumeExport).default([]),
    parts: z.array(z.strictObject({ name: z.string(), startBytes: count, exports: z.array(volumeExport) })),
  }),
  term: z.strictObject({ number: count, grantor: z.string() }),
  primary: name.nullable(),
  crashed: name.nullable(),
  inSyncSet: z.strictObject({ version: count, members: z.array(name) }),
  created: count,
  summary: z.array(
    z.strictObject({
      node: name,
      disk: diskState,
      dirtyBytes: count,
      lagBytes: count.nullable().default(null),
      lagMs: z.number().nullable().default(null),
      hasUntilMs: wallMs.default(null),
      splitBrain: z.boolean().default(false),
    }),
  ),
  givenUp: givenUp.nullable().default(null),
  goesOnWith: name.exactOptional(),
});

/** In snapshots of before volumes could grow none had. */
const volume = volumeShape.transform(({ size, ...rest }) => ({
  ...rest,
  size: size ?? { originBytes: rest.spec.sizeBytes, presentBytes: rest.spec.sizeBytes },
}));

const resourceState = z.enum(['stopped', 'starting', 'running', 'stopping', 'failed', 'unknown']);

const drill = z.strictObject({
  id: z.string(),
  directory: z.string(),
  acknowledged: count.nullable(),
  found: count.nullable(),
});

const group = z.strictObject({
  spec: z.strictObject({
    name,
    nodes: z.array(name),
    rules: z.strictObject({ with: z.array(name), apart: z.array(name), after: z.array(name) }),
    demand: quantities,
    onStopFailure: z.enum(['block', 'kill', 'fence']),
    watch: z.partialRecord(troubleKind, watchPolicy).default({}),
    failback: z.strictObject({ enabled: z.boolean(), window: z.string().nullable() }),
    resources: z.array(
      z.strictObject({
        name,
        type: z.string(),
        params: record(z.unknown()),
        startTimeoutMs: count,
        stopTimeoutMs: count,
        restart: z.strictObject({ attempts: count, windowMs: count }),
      }),
    ),
  }),
  desired: z.enum(['started', 'stopped']),
  owner: name.nullable(),
  epoch: count,
  phase: z.enum(['stopped', 'starting', 'online', 'stopping', 'failed', 'blocked']),
  reason: z.string(),
  resources: z.array(
    z.strictObject({ name, state: resourceState, reason: z.string(), outputs: record(z.string()) }),
  ),
  failures: z.array(
    z.strictObject({ id: count, node: name, resource: name, atMs: z.number(), gaveUp: z.boolean() }),
  ),
  move: z
    .strictObject({
      to: name.nullable(),
      reason: z.string(),
      displaces: z.boolean(),
      waits: z.literal(true).exactOptional(),
    })
    .nullable(),
  displaced: z.boolean(),
  maintenance: z.boolean().default(false),
  lastStartMs: count.nullable().default(null),
  lastStopMs: count.nullable().default(null),
  drill: drill.nullable().default(null),
  strays: z.array(z.strictObject({ node: name, resources: z.array(name), failure: z.string() })),
});

const event = z.strictObject({
  id: count,
  atMs: z.number(),
  level: z.enum(['info', 'warning', 'error']),
  code: z.string(),
  node: z.string().exactOptional(),
  volume: z.string().exactOptional(),
  group: z.string().exactOptional(),
  by: z.string().exactOptional(),
  message: z.string(),
});

export const stateSchema = z.strictObject({
  version: z.literal(STATE_VERSION),
  cluster: z.string(),
  clusterId: z.string(),
  level: count,
  leaderTerm: count,
  config,
  log: z
    .strictObject({
      epoch: count,
      consensus,
      phase: z.enum(['steady', 'moving', 'sealed', 'settling']),
      to: consensus.nullable(),
      ready: z.array(name),
      followed: z.array(name),
    })
    .default({ ...FIRST_LOG, consensus: { engine: 'embedded' }, to: null, ready: [], followed: [] }),
  grantor: z.string().nullable(),
  alone: z
    .strictObject({
      half: z.string(),
      node: name,
      peer: name,
      sinceMs: z.number(),
      parted: z.strictObject({ half: z.string(), sinceMs: z.number(), survives: z.boolean() }).nullable(),
    })
    .nullable(),
  settling: z
    .strictObject({ from: z.enum(['lan', 'wan']), revision: count })
    .nullable()
    .default(null),
  maintenance: z.boolean().default(false),
  revision: count,
  epoch: count,
  members: record(member),
  heartSlots: record(count).default({}),
  volumes: record(volume),
  groups: record(group),
  fences: record(
    z.strictObject({
      node: name,
      startId: z.string(),
      reason: z.string(),
      ordered: z.boolean(),
      executor: name.nullable(),
      attempt: count,
      failure: z.string(),
    }),
  ).default({}),
  tokens: record(z.strictObject({ expiresAtMs: z.number() })),
  accounts: record(
    z.strictObject({
      name: z.string(),
      role: z.enum(['viewer', 'operator', 'admin']),
      passwordHash: z.string().nullable(),
      tokenHashes: z.array(z.string()),
    }),
  ),
  events: z.array(event),
  eventId: count,
}) satisfies z.ZodType<ClusterState>;
