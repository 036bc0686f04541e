/** A copy ends at its target, and the link fails before its source hears of it: both have one name, and must not go on under it apart. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { Pair } from '../support/pair.ts';

const nameOf = ({ volume }: Pair['a']): string => volume.status().generation.current;

function partedAtTheEnd(): Pair {
  const rescueJournal = { path: 'rescue', maxBytes: 24 * MIB, whenFull: 'pause' } as const;
  const pair = new Pair({ config: { rescueJournal } }).startMirror();
  pair.network.isCut = true;
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
  pair.write(pair.a, 1, 1);
  assert.notEqual(nameOf(pair.a), nameOf(pair.b));
  pair.network.isCut = false;
  pair.until(() => nameOf(pair.a) === nameOf(pair.b));
  pair.network.isCut = true;
  assert.equal(pair.a.volume.status().peers[0]?.replication, 'SyncSource', 'the source has not heard');
  pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connecting');
  pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
  return pair;
}

describe('a copy whose end its source does not hear of', () => {
  test('leaves no common name to go on under: both sides’ writes are a split brain, and the loser’s are kept', () => {
    const pair = partedAtTheEnd();
    pair.write(pair.a, 3, 30);
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 5, 50);
    pair.demote(pair.a);
    pair.demote(pair.b);
    pair.network.isCut = false;
    pair.until(() => [pair.a, pair.b].every(({ volume }) => volume.status().peers[0]?.splitBrain === true));
    pair.a.volume.resolve(undefined, 'local', () => {});
    pair.until(() => pair.a.volume.status().peers[0]?.replication === 'Established');
    pair.promote(pair.b);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    assert.deepEqual(
      pair.a.volume.rescue?.points.map(({ state, whole }) => [state, whole]),
      [['kept', true]],
    );
  });

  test('nor does the next term of the source', () => {
    const pair = partedAtTheEnd();
    pair.a.kill();
    pair.a.start();
    pair.promote(pair.a);
    pair.write(pair.a, 3, 30);
    pair.demote(pair.a);
    // Twice: that one term has two grantors would show by itself.
    for (let time = 0; time < 2; time += 1) {
      pair.promote(pair.b, { force: true });
      pair.write(pair.b, 5, 50);
      pair.demote(pair.b);
    }
    pair.network.isCut = false;
    pair.until(() => [pair.a, pair.b].every(({ volume }) => volume.status().peers[0]?.splitBrain === true));
  });

  test('and is over when they meet again without that', () => {
    const pair = partedAtTheEnd();
    pair.write(pair.a, 3, 30);
    pair.network.isCut = false;
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });
});

test('a peer that meets a term whose name is just being made takes it, and is lost under another one', () => {
  for (let steps = 0; steps < 40; steps += 1) {
    const pair = new Pair({ diskDelayMs: () => 0.3 }).startMirror();
    const { a, b } = pair;
    pair.demote(a);
    b.kill();
    pair.promote(a, { force: true });
    b.start();
    let left = steps;
    pair.scheduler.runUntil(() => left-- <= 0);
    const first = pair.begin(a, 1, 1);
    pair.until(() => first.answer !== undefined && pair.isEqual());
    pair.network.isCut = true;
    pair.until(() => a.volume.status().inSyncSet.length === 1);
    pair.write(a, 3, 30);
    assert.notEqual(nameOf(a), nameOf(b), `after ${steps} steps`);
  }
});
