/** The group and the volume of every simulated cluster. */
import { volumeSocketPath } from '@eterne/cluster/node/layout.ts';
import { NO_RULES, type GroupSpec, type VolumeSpec } from '@eterne/cluster/state/model.ts';
import { PLAIN_VOLUME } from '@eterne/cluster/state/volume-defaults.ts';
import { DATA_PATH, DIR, GROUP, type Place, VOLUME } from './places.ts';

const RESTART = { attempts: 30, windowMs: 5_000 };

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

export function groupSpecOf(carriers: readonly Place[]): GroupSpec {
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
