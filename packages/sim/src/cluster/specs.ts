/** The members, the group and the volume of every simulated cluster. */
import { volumeSocketPath } from '@eterne/cluster/node/layout.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import {
  NO_RULES,
  type ClusterState,
  type GroupSpec,
  type MemberSpec,
  type VolumeSpec,
} from '@eterne/cluster/state/model.ts';
import { PLAIN_VOLUME } from '@eterne/cluster/state/volume-defaults.ts';
import { CLUSTER, CLUSTER_ID, DATA_PATH, DIR, GROUP, type Place, VOLUME } from './places.ts';

const RESTART = { attempts: 30, windowMs: 5_000 };

/** What makes the first place's node a cluster, and the next one that is missing a member. Undefined: all are there. */
export function joiningEntry(
  state: ClusterState,
  places: readonly Place[],
  specOf: (place: Place) => MemberSpec,
): Command | undefined {
  const [founder] = places;
  if (state.cluster === '' && founder !== undefined)
    return {
      kind: 'bootstrap',
      cluster: CLUSTER,
      clusterId: CLUSTER_ID,
      member: specOf(founder),
      atMs: 0,
    };
  const missing = places.find(({ name }) => state.members[name] === undefined);
  return missing && { kind: 'member-add', member: specOf(missing), atMs: 0 };
}

export function volumeSpecOf(
  carriers: readonly Place[],
  sizeBytes: number,
  initialSync: VolumeSpec['initialSync'],
): VolumeSpec {
  return {
    name: VOLUME,
    sizeBytes,
    mode: 'sync',
    replicas: carriers.map(({ name }) => ({ node: name, device: DATA_PATH })),
    initialSync,
    ...PLAIN_VOLUME,
  };
}

export function groupSpecOf(carriers: readonly Pick<Place, 'name'>[]): GroupSpec {
  const timing = { startTimeoutMs: 10_000, stopTimeoutMs: 3_000, restart: RESTART };
  return {
    name: GROUP,
    nodes: carriers.map(({ name }) => name),
    failback: { enabled: false, window: null },
    rules: NO_RULES,
    demand: {},
    onStopFailure: 'block',
    watch: {},
    resources: [
      { name: 'vol', type: 'mirror', params: { volume: VOLUME }, ...timing },
      {
        name: 'app',
        type: 'app',
        params: { command: ['ledger', volumeSocketPath(DIR, VOLUME)] },
        ...timing,
      },
    ],
  };
}
