import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoreDone } from '@eterne/runtime';
import type { LocalDisk } from '../../../src/engine/local-disk.ts';
import { FlushRounds } from '../../../src/engine/primary/flush-rounds.ts';
import type { VolumeMetadata } from '../../../src/metadata/api.ts';

test('what waits for the end of a round comes before the next one begins, and never after the term', () => {
  const flushing: StoreDone[] = [];
  const disk = { takesWrites: true, flush: (done: StoreDone) => flushing.push(done) };
  const owner = {
    firstEpoch: 1,
    ended: false,
    needed: 0,
    mirrors: [],
    oldestEpoch: Number.POSITIVE_INFINITY,
    metadataFailed: () => assert.fail('no failure here'),
  };
  const metadata = { peers: [], activityLog: { flushedUpTo: () => undefined } } as unknown as VolumeMetadata;
  const rounds = new FlushRounds(owner, metadata, disk as unknown as LocalDisk);
  const seen: string[] = [];
  const look = (): unknown => seen.push(`${rounds.isRunning} ${rounds.epoch}`);
  rounds.betweenRounds(look);
  rounds.request(() => seen.push('flushed'));
  rounds.request(() => seen.push('flushed again'));
  rounds.betweenRounds(look);
  assert.deepEqual(seen, ['false 1']);
  flushing.shift()?.(undefined);
  assert.deepEqual(seen, ['false 1', 'false 2', 'flushed']);
  rounds.betweenRounds(look);
  rounds.end();
  flushing.shift()?.(undefined);
  assert.equal(seen.length, 3);
});
