import type { VolumeConfig } from '../../src/engine/api.ts';

/** A volume of node `a`, with paths that do not exist unless given. */
export function volumeConfig(name: string, overrides: Partial<VolumeConfig> = {}): VolumeConfig {
  return {
    name,
    node: 'a',
    sizeBytes: 1024 * 1024,
    mode: 'sync',
    devicePath: '/nonexistent/device',
    metadataPath: '/nonexistent/metadata',
    peers: {},
    readPolicy: 'local',
    initialSync: 'full',
    splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
    onPeerLost: 'continue',
    congestion: { queueBytes: 64 * 1024 * 1024, policy: 'slow' },
    resyncRate: { minBytesPerSecond: 4 * 1024 * 1024, maxBytesPerSecond: 1024 * 1024 * 1024 },
    diskTimeoutMs: 30_000,
    ...overrides,
  };
}
