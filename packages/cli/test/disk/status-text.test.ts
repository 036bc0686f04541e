import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { volumeLines } from '../../src/disk/status-text.ts';

const peer = {
  node: 'b',
  connection: 'StandAlone',
  replication: 'PausedSync',
  disk: 'Outdated',
  role: 'secondary',
  dirtyBytes: 0,
  splitBrain: false,
  verify: null,
  lastVerify: null,
} as unknown as PeerStatus;

const volume = {
  name: 'v0',
  sizeBytes: 1 << 20,
  mode: 'sync',
  role: 'secondary',
  disk: 'UpToDate',
  term: 1,
  inSyncSet: ['a'],
  peers: [],
} as unknown as VolumeStatus;

describe('the status of a volume', () => {
  it('says why a copy is paused and what has it go on', () => {
    const paused = { reason: 'rescue journal: broken', goesOn: 'mend its device' };
    assert.match(
      volumeLines({ ...volume, peers: [{ ...peer, paused }] })[1] ?? '',
      /PausedSync .*, paused: rescue journal: broken \(mend its device\)$/,
    );
  });

  it('says what a rescue journal that is lost suffers from', () => {
    assert.match(volumeLines({ ...volume, rescueProblem: 'gone' })[1] ?? '', /RESCUE JOURNAL LOST: gone/);
  });
});
