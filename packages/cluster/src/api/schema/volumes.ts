/** Orders for replicas of a volume, and what a node's disk process tells of its own. */
import {
  DISK_STATES,
  type LocalReplicaStatus,
  type PeerStatus,
  type VolumeStatus,
} from '@eterne/disk/engine/api.ts';
import {
  FILE_SYSTEMS,
  type SideReport,
  type SplitBrainReport,
} from '@eterne/disk/engine/split-brain/report.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import { z } from 'zod';
import { volumeSize } from '../../service/config/document.ts';
import { name } from './names.ts';

const node = name.exactOptional().describe('whose replica; absent: that of the primary');
const peer = name.exactOptional().describe('only with this one');
const confirm = name.describe('the name of the volume once more: what is given up is gone');

export const verifyOrder = z
  .strictObject({
    node,
    peer,
    fast: z.boolean().default(false).describe('by bitmaps and generations only'),
    repair: z.boolean().default(false).describe('copy what differs at once, from the primary'),
  })
  .prefault({});
export const resyncOrder = z.strictObject({ node, peer }).prefault({});
export const linkOrder = z
  .strictObject({ node, peer: name.exactOptional().describe('absent: the only other') })
  .prefault({});
export const detachOrder = z.strictObject({ node: name });
export const attachOrder = z.strictObject({
  node: name,
  replaced: z.boolean().default(false).describe('it is another disk, or nothing on it counts'),
  confirm: name.exactOptional().describe('with `replaced`: the name of the volume'),
});
export const invalidateOrder = z.strictObject({ node: name, confirm });
export const resolveOrder = z.strictObject({
  node: name.describe('the side that this is said from'),
  discard: z.enum(['local', 'remote']).describe('whose changes are given up: those of `node`, or of `peer`'),
  peer: name.exactOptional().describe('absent: the only other'),
  confirm,
});
const part = name.exactOptional().describe('of a volume with parts: this one');
export const resizeOrder = z.strictObject({
  size: volumeSize.describe('for example 2GiB, or bytes; never less than it has'),
  part,
});
const pointId = z.int().min(1);
export const rescueExportOrder = z.strictObject({
  node: name,
  id: pointId.exactOptional().describe('absent: the newest that is kept'),
  path: z.string().startsWith('/', 'a path is absolute').max(4096).describe('a new file on that node'),
  part,
});
export const rescueDropOrder = z.strictObject({ node: name, id: pointId, confirm });

export const replicaParams = z.strictObject({ name, node: name });

const progress = z.object({
  method: z.enum(['direct', 'digest', 'fast', 'repair']),
  checkedBytes: z.number(),
  totalBytes: z.number(),
  differingBytes: z.number(),
  etaMs: z.number().nullable(),
});

const replicaPeer = z.object({
  node: z.string(),
  connection: z.enum(['StandAlone', 'Connecting', 'Connected']),
  replication: z.enum([
    'Off',
    'Established',
    'SyncSource',
    'SyncTarget',
    'PausedSync',
    'VerifySource',
    'VerifyTarget',
    'Ahead',
    'Behind',
  ]),
  disk: z.enum(DISK_STATES),
  role: z.enum(['primary', 'secondary']),
  dirtyBytes: z.number(),
  lagBytes: z.number(),
  lagMs: z.number(),
  splitBrain: z.boolean(),
  paused: z.object({ reason: z.string(), goesOn: z.string() }).exactOptional(),
  paths: z.array(z.string()).readonly().exactOptional(),
  resync: z.object({
    kind: z.enum(['none', 'full', 'smart', 'bitmap', 'checksum']),
    reason: z.string(),
    syncedBytes: z.number(),
    toSyncBytes: z.number(),
    wireBytes: z.number(),
    etaMs: z.number().nullable(),
  }),
  verify: progress.nullable(),
  lastVerify: z
    .object({
      method: z.enum(['direct', 'digest', 'fast', 'repair']),
      isDone: z.boolean(),
      reason: z.string(),
      checkedBytes: z.number(),
      differingBytes: z.number(),
      wireBytes: z.number(),
      endedWallMs: z.number(),
    })
    .nullable(),
}) satisfies z.ZodType<PeerStatus>;

/** One of its devices, which this node has open or could open. */
const localReplica = replicaPeer
  .pick({
    replication: true,
    disk: true,
    splitBrain: true,
    dirtyBytes: true,
    resync: true,
    verify: true,
    lastVerify: true,
  })
  .extend({
    name: z.string(),
    device: z.string(),
    isSource: z.boolean(),
    problem: z.string().nullable(),
    ioErrors: z.number(),
    remappedSectors: z.number(),
  }) satisfies z.ZodType<LocalReplicaStatus>;

/** As `eterne disk status` shows it on that node. */
export const replicaReport = z.object({
  name: z.string(),
  mirrorSet: z.string().exactOptional(),
  sizeBytes: z.number(),
  mode: z.enum(['sync', 'async']),
  role: z.enum(['primary', 'secondary']),
  term: z.number(),
  disk: z.enum(DISK_STATES),
  dirtyBytes: z.number(),
  frozen: z.boolean(),
  freezeReason: z.string().nullable(),
  heldWrites: z.number(),
  inSyncSet: z.array(z.string()).readonly(),
  setVersion: z.number(),
  ioErrors: z.number(),
  remappedSectors: z.number(),
  checksumErrors: z.number().exactOptional(),
  rescueProblem: z.string().exactOptional(),
  attached: z.string().nullable(),
  generation: z.object({ current: z.string(), history: z.array(z.string()).readonly() }),
  peers: z.array(replicaPeer).readonly(),
  localReplicas: z.array(localReplica).readonly().exactOptional(),
}) satisfies z.ZodType<VolumeStatus>;

export const volumeDetail = z.object({
  name: z.string(),
  replicas: z
    .array(
      z.object({
        node: z.string(),
        report: replicaReport.nullable(),
        problem: z.string().nullable().describe('why there is no report'),
      }),
    )
    .readonly(),
});
export type VolumeDetail = z.infer<typeof volumeDetail>;

const side = z.object({
  node: z.string(),
  changedBytes: z.number(),
  extents: z.array(z.object({ offset: z.number(), lengthBytes: z.number() })).readonly(),
  extentCount: z.number(),
  fileSystem: z.enum(FILE_SYSTEMS),
  files: z.array(z.object({ path: z.string(), changedBytes: z.number() })).readonly(),
  fileCount: z.number(),
  otherBytes: z.number(),
  note: z.string(),
}) satisfies z.ZodType<SideReport>;

export const splitBrains = z.object({
  splitBrains: z
    .array(
      z.object({
        peer: z.string(),
        reason: z.string(),
        local: side,
        remote: side.nullable(),
        remoteNote: z.string(),
      }) satisfies z.ZodType<SplitBrainReport>,
    )
    .readonly(),
});

export const rescuePoints = z.object({
  points: z
    .array(
      z.object({
        id: z.number(),
        state: z.enum(['copying', 'kept']),
        peer: z.string(),
        reason: z.string(),
        begunAtWallMs: z.number(),
        savedBytes: z.number(),
        whole: z.boolean(),
      }) satisfies z.ZodType<PointStatus>,
    )
    .readonly(),
});
