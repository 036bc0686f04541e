import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { History } from '../../src/checkers/history.ts';
import { SetTruth } from '../../src/checkers/set-truth.ts';

/** Two replicas that call each other equal. */
function equal(node: string): VolumeStatus {
  const peer = { node: node === 'a' ? 'b' : 'a', connection: 'Connected', replication: 'Established' };
  return { peers: [peer as PeerStatus] } as unknown as VolumeStatus;
}

test('a replica that lost power is whole again when a member of the set that did not calls it equal', () => {
  const truth = new SetTruth(new History());
  truth.commit({ term: 1, holder: 'a', version: 1, members: ['a', 'b'] });
  truth.lostPower('b');
  assert.equal(truth.forgive(equal), true);
  assert.deepEqual([...truth.weak], []);
});

test('the last copy that lost power is not: the holder, whose disk has failed, is overwritten with it', () => {
  const truth = new SetTruth(new History());
  truth.commit({ term: 1, holder: 'a', version: 2, members: ['b'] });
  truth.lostPower('b');
  assert.equal(truth.forgive(equal), false);
  assert.deepEqual([...truth.weak], ['b']);
});

test('one that came into the set by a word from before its holder lost power may be overwritten from there', () => {
  const truth = new SetTruth(new History());
  truth.commit({ term: 1, holder: 'a', version: 1, members: ['a'] });
  truth.lostPower('a');
  truth.commit({ term: 1, holder: 'a', version: 2, members: ['a', 'b'] });
  assert.deepEqual([...truth.weak], ['a', 'b']);
});
