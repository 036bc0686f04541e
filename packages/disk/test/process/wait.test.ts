import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PeerStatus, VolumeStatus } from '../../src/engine/api.ts';
import { absentStatus } from '../../src/process/absent-status.ts';
import { hasReached } from '../../src/process/wait.ts';
import { volumeConfig } from '../support/volume-config.ts';

it('tells whether a volume is connected, up to date, synced', () => {
  const blank = absentStatus(volumeConfig('v0', { peers: { b: ['127.0.0.1:1'] } }), undefined);
  const status = (own: Partial<VolumeStatus>, peer: Partial<PeerStatus>): VolumeStatus => ({
    ...blank,
    ...own,
    peers: blank.peers.map((one) => Object.assign({}, one, peer)),
  });
  const synced: Partial<PeerStatus> = {
    connection: 'Connected',
    replication: 'Established',
    disk: 'UpToDate',
  };
  assert.deepEqual(
    [
      hasReached(status({}, {}), 'connected'),
      hasReached(status({}, { connection: 'Connected' }), 'connected'),
      hasReached(status({}, {}), 'uptodate'),
      hasReached(status({ disk: 'UpToDate' }, {}), 'uptodate'),
      hasReached(status({ disk: 'UpToDate' }, synced), 'synced'),
      hasReached(status({ disk: 'Inconsistent' }, synced), 'synced'),
      hasReached(status({ disk: 'UpToDate' }, { ...synced, disk: 'Inconsistent' }), 'synced'),
      hasReached(status({ disk: 'UpToDate' }, { ...synced, replication: 'SyncSource' }), 'synced'),
      hasReached(status({ disk: 'UpToDate' }, { ...synced, dirtyBytes: 4096 }), 'synced'),
      hasReached(status({ disk: 'UpToDate', dirtyBytes: 4096 }, synced), 'synced'),
    ],
    [false, true, false, true, true, false, false, false, false, false],
  );
});
