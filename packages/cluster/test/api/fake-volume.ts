/** Volume `data` of the fake cluster: n1 serves it and compares it with n2. */
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import type { VolumeState } from '../../src/state/model.ts';
import { PLAIN_VOLUME } from '../../src/state/volume-defaults.ts';

export const VOLUME: VolumeState = {
  spec: {
    ...PLAIN_VOLUME,
    name: 'data',
    sizeBytes: 2 ** 30,
    mode: 'sync',
    replicas: [
      { node: 'n1', device: '/srv/data.img' },
      { node: 'n2', device: '/srv/data.img' },
    ],
    initialSync: 'smart',
  },
  size: { originBytes: 2 ** 30, presentBytes: 2 ** 30 },
  term: { number: 3, grantor: 'id' },
  primary: 'n1',
  crashed: null,
  inSyncSet: { version: 7, members: ['n1'] },
  created: 1,
  summary: [],
  givenUp: null,
};

export const REPLICA: VolumeStatus = {
  name: 'data',
  sizeBytes: 2 ** 30,
  mode: 'sync',
  role: 'primary',
  term: 3,
  disk: 'UpToDate',
  dirtyBytes: 0,
  frozen: false,
  freezeReason: null,
  heldWrites: 0,
  inSyncSet: ['n1'],
  setVersion: 7,
  ioErrors: 0,
  remappedSectors: 0,
  attached: null,
  generation: { current: '', history: [] },
  peers: [
    {
      node: 'n2',
      connection: 'Connected',
      replication: 'SyncSource',
      disk: 'Inconsistent',
      role: 'secondary',
      dirtyBytes: 300 * 2 ** 20,
      lagBytes: 0,
      lagMs: 0,
      splitBrain: false,
      resync: {
        kind: 'bitmap',
        reason: 'it was away',
        syncedBytes: 100 * 2 ** 20,
        toSyncBytes: 400 * 2 ** 20,
        wireBytes: 100 * 2 ** 20,
        etaMs: 9000,
      },
      verify: null,
      lastVerify: null,
    },
  ],
};

export const POINT: PointStatus = {
  id: 1,
  state: 'kept',
  peer: 'n2',
  reason: 'a split brain was settled',
  begunAtWallMs: 1_795_000_000_000,
  savedBytes: 8192,
  whole: true,
};

const side = {
  extents: [{ offset: 4096, lengthBytes: 8192 }],
  extentCount: 1,
  fileSystem: 'ext',
  note: '',
} as const;
export const SPLIT_BRAINS: readonly SplitBrainReport[] = [
  {
    peer: 'n2',
    reason: 'both went on from a common ancestor',
    local: {
      ...side,
      node: 'n1',
      changedBytes: 2 ** 20,
      files: [{ path: '/db/orders.ibd', changedBytes: 2 ** 20 }],
      fileCount: 1,
      otherBytes: 0,
    },
    remote: {
      ...side,
      node: 'n2',
      changedBytes: 8192,
      files: [{ path: '/db/ib_logfile0', changedBytes: 8192 }],
      fileCount: 3,
      otherBytes: 4096,
    },
    remoteNote: '',
  },
];

/** As a configuration document shows it. */
export const VOLUME_ENTRY = {
  name: 'data',
  size: 2 ** 30,
  mode: 'sync',
  initialSync: 'smart',
  replicas: { n1: '/srv/data.img', n2: '/srv/data.img' },
  onDiskError: 'serve-from-peer',
  splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
  readPolicy: 'local',
  resyncRate: { min: 4 * 2 ** 20, max: 2 ** 30 },
  congestion: { queue: 64 * 2 ** 20, policy: 'slow' },
  compress: 'none',
  checksums: 'none',
  rescueJournal: { whenFull: 'off' },
  exports: [],
};
