import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absentStatus } from '../../src/process/absent-status.ts';
import { statusesOf, wholeStatuses } from '../../src/process/set-status.ts';
import { volumeConfig } from '../support/volume-config.ts';

it('shows a mirror set as its volumes, and the volumes as their set again', () => {
  const members = [
    { name: 'db.data', sizeBytes: 8192, devicePath: 'data' },
    { name: 'db.log', sizeBytes: 4096, devicePath: 'log' },
  ];
  const set = volumeConfig('db', { sizeBytes: 12_288, members });
  const lone = volumeConfig('other', { sizeBytes: 4096 });
  const whole = { ...absentStatus(set, undefined), sizeBytes: 16_384 };
  const shown = [
    ...statusesOf(set, whole, ['/dev/nbd0', '/dev/nbd1']),
    ...statusesOf(lone, absentStatus(lone, undefined), ['/dev/nbd2']),
  ];
  assert.deepEqual(
    shown.map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['db.data', 8192],
      ['db.log', 8192],
      ['other', 4096],
    ],
  );
  assert.deepEqual(wholeStatuses(shown), [whole, shown[2]]);
});
