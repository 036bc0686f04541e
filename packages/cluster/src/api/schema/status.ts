/** The shapes of `GET /api/v1/status` and of the live stream; what is not named here never leaves the node. */
import { DISK_STATES } from '@eterne/disk/engine/api.ts';
import { z } from 'zod';
import type { ClusterStatus } from '../../service/facade.ts';
import type { ClusterEvent } from '../../state/model.ts';
import { TROUBLE_KINDS } from '../../state/watch.ts';

export const diskState = z.enum([...DISK_STATES, 'Unknown']);

const drops = z.object({
  malformed: z.int().describe('truncated, damaged or not readable'),
  forged: z.int().describe('not sealed with the key of this cluster'),
  version: z.int().describe('of a program that speaks another version'),
  foreign: z.int().describe('meant for another node, disk or cluster'),
  stranger: z.int().describe('of who is no member (any more)'),
  replayed: z.int().describe('seen before, or of a session that is over'),
  parted: z.int().describe('of the other half of a pair of which both nodes went on alone'),
});

export const pathStatus = z.object({
  peer: z.string(),
  kind: z
    .enum(['udp', 'disk'])
    .describe('only udp carries messages; over a disk a node is merely seen to live'),
  path: z.string().describe('for example udp:10.0.0.1:7700-10.0.0.2:7700 or disk:/dev/sdb'),
  up: z.boolean(),
  lossPercent: z.number(),
  latencyMs: z.number().nullable().describe('udp: a round trip; disk: an access of the reporting node'),
  ageMs: z.number().nullable().describe('since the last beat that showed that both directions work'),
  trouble: z.string().nullable().describe('why the reporting node cannot use the disk'),
  dropped: drops.describe('what seemed to come by this path and was not believed'),
});

const pid = z.int().nullable();

export const nodeStatus = z.object({
  name: z.string(),
  role: z.enum(['node', 'witness']),
  state: z.enum(['online', 'lost', 'standby', 'maintenance']),
  mode: z
    .enum(['active', 'standby', 'maintenance'])
    .exactOptional()
    .describe('what is asked of it, also while it is lost; absent: an older program does not tell'),
  leader: z.boolean(),
  incarnation: z.int(),
  featureLevel: z.int().describe('the highest that its program knows'),
  pids: z.object({ service: pid, monitor: pid, heart: pid, disk: pid }),
  api: z.string(),
  reach: z.enum(['network', 'disk', 'none']).describe('disk: it lives, and no message reaches it'),
  paths: z
    .array(pathStatus)
    .readonly()
    .describe('heartbeat paths from the reporting node; empty for the reporting node itself'),
  enforcement: z
    .enum(['watchdog', 'fencing', 'software'])
    .nullable()
    .describe('what makes certain that it stops when it is cut off; null for a witness'),
  fence: z
    .object({
      reason: z.string(),
      executor: z.string().nullable(),
      attempt: z.int(),
      failure: z.string().nullable(),
    })
    .nullable()
    .describe('it is to be fenced'),
  troubles: z
    .array(z.object({ kind: z.enum(TROUBLE_KINDS), subject: z.string(), detail: z.string() }))
    .readonly()
    .describe('what of it is not well that groups stand on; an empty subject is the node itself'),
});

export const volumeStatus = z.object({
  name: z.string(),
  sizeBytes: z.int().describe('of all parts together'),
  parts: z
    .array(z.object({ name: z.string(), sizeBytes: z.int() }))
    .readonly()
    .describe('the disks it is made of, in order; empty: it is one'),
  growsToBytes: z.int().nullable().describe('it is to become so large; null: it is'),
  mode: z.enum(['sync', 'async']),
  primary: z.string().nullable(),
  term: z.int(),
  replicas: z
    .array(
      z.object({
        node: z.string(),
        disk: diskState,
        dirtyBytes: z.int(),
        lagBytes: z.int().nullable().describe('asynchronous: on the way to this copy; null: not counted'),
        hasUntilMs: z.number().nullable().describe('it has what was acknowledged before this'),
        splitBrain: z
          .boolean()
          .describe('written apart from another; which changes go is an operator’s decision'),
      }),
    )
    .readonly(),
  devices: z
    .array(z.object({ name: z.string(), disk: diskState, dirtyBytes: z.int(), splitBrain: z.boolean() }))
    .readonly()
    .describe('shared by its nodes, each a whole copy; empty: each replica is a copy'),
  inSyncSet: z.array(z.string()).readonly().describe('names of devices where it has any'),
  setVersion: z.int(),
  group: z.string().nullable(),
  asyncTakeover: z.enum(['operator', 'auto']),
  givenUp: z
    .object({
      node: z.string(),
      atMs: z.number(),
      hasUntilMs: z.number().nullable(),
      lagBytes: z.int().nullable(),
    })
    .nullable()
    .describe('the last time that a copy went on although it might lack writes'),
});

export const resourceState = z.enum(['stopped', 'starting', 'running', 'stopping', 'failed', 'unknown']);

export const groupStatus = z.object({
  name: z.string(),
  state: z.enum(['stopped', 'starting', 'online', 'stopping', 'failed', 'blocked']),
  desired: z.enum(['started', 'stopped']),
  owner: z.string().nullable(),
  epoch: z.int(),
  protected: z.boolean().describe('would another node carry it at once if its owner stopped now?'),
  maintenance: z
    .boolean()
    .describe('nothing is done about it: itself, its owner or the cluster is in maintenance'),
  reason: z.string(),
  leaseRemainingMs: z.number().nullable(),
  nodes: z.array(z.string()).readonly(),
  resources: z
    .array(z.object({ name: z.string(), type: z.string(), state: resourceState, reason: z.string() }))
    .readonly(),
  strays: z
    .array(
      z.object({
        node: z.string(),
        resources: z.array(z.string()).readonly(),
        failure: z.string().describe('why it could not be stopped; empty: that is being tried'),
      }),
    )
    .readonly()
    .describe('what of it is on nodes that do not own it'),
});

export const clusterStatus = z.object({
  cluster: z.string(),
  edition: z.enum(['ha', 'cluster']),
  profile: z.enum(['lan', 'wan']),
  reportedBy: z.string(),
  leader: z.string().nullable(),
  quorate: z.boolean(),
  features: z.object({
    level: z.int().describe('the feature level in use'),
    highest: z.int().describe('the highest that any node’s program knows'),
    waitsFor: z.array(z.string()).readonly().describe('nodes whose program is older than that'),
  }),
  maintenance: z.boolean().describe('nothing is done about any group'),
  nodes: z.array(nodeStatus).readonly(),
  volumes: z.array(volumeStatus).readonly(),
  groups: z.array(groupStatus).readonly(),
  consensus: z.object({
    engine: z.enum(['embedded', 'etcd']),
    epoch: z.int().describe('rises with every move of the log'),
    phase: z.enum(['steady', 'moving', 'sealed', 'settling']),
    trouble: z.string().nullable(),
    takeOverMs: z.number().describe('how long the groups of a lost node may wait for their start elsewhere'),
  }),
  tieBreaker: z
    .object({
      kind: z
        .enum(['disk', 'fencing', 'word', 'availability'])
        .describe('word: only an operator lets one node go on alone; availability: silence does'),
      votes: z.boolean(),
      trouble: z.string().nullable(),
      heldBecause: z.string().nullable().describe('why the reporting node goes on alone'),
    })
    .nullable()
    .describe('of a pair, as the reporting node sees it'),
  warnings: z.array(z.string()).readonly(),
  dropped: z
    .object({ heartbeats: drops, log: drops })
    .describe('messages that the reporting node did not believe since its processes were started'),
}) satisfies z.ZodType<ClusterStatus>;

export const clusterEvent = z.object({
  id: z.int(),
  atMs: z.number(),
  level: z.enum(['info', 'warning', 'error']),
  code: z.string(),
  node: z.string().exactOptional(),
  volume: z.string().exactOptional(),
  group: z.string().exactOptional(),
  by: z.string().exactOptional(),
  message: z.string(),
}) satisfies z.ZodType<ClusterEvent>;

export const eventsQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('only events with a higher id'),
  limit: z.coerce.number().int().min(1).max(500).default(500).describe('the newest so many of them'),
});
export const eventList = z.object({ events: z.array(clusterEvent).readonly() });
