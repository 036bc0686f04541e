/** Split brains of real volumes on simulated ports: found, settled by word or policy, and gone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SplitBrainAction } from '../../../src/engine/api.ts';
import { Pair, type TestNode } from '../support/pair.ts';

/** `a` wrote 1 to block 1 and 3 to block 3, `b`, promoted by force later, wrote 2 to block 1; both are primary still. */
function splitPair(action: SplitBrainAction = 'disconnect'): Pair {
  const splitBrain = { zeroPrimaries: action, onePrimary: action, twoPrimaries: action };
  const pair = new Pair({ config: { splitBrain } }).startMirror();
  pair.network.isCut = true;
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
  pair.write(pair.a, 1, 1);
  pair.write(pair.a, 3, 3);
  pair.promote(pair.b, { force: true });
  pair.write(pair.b, 1, 2);
  pair.network.isCut = false;
  return pair;
}

function isParted({ volume }: TestNode): boolean {
  const [peer] = volume.status().peers;
  return peer?.splitBrain === true && peer.connection === 'StandAlone';
}

function resolve(node: TestNode, discard: 'local' | 'remote'): string | undefined {
  let answer: { code: string | undefined } | undefined;
  node.volume.resolve(undefined, discard, (error) => (answer = { code: error?.code }));
  return answer?.code;
}

function assertWon(pair: Pair, winner: TestNode, block1: number, block3: number): void {
  pair.until(() =>
    [pair.a, pair.b].every(({ volume }) => volume.status().peers[0]?.replication === 'Established'),
  );
  pair.assertIdentical();
  for (const { data, volume } of [pair.a, pair.b]) {
    assert.deepEqual([data.content[4096], data.content[3 * 4096]], [block1, block3]);
    assert.equal(volume.status().peers[0]?.splitBrain, false);
  }
  // And it goes on from there.
  if (winner.volume.device === undefined) pair.promote(winner, { force: true });
  pair.write(winner, 5, 5);
  pair.until(() => pair.isEqual());
  pair.assertIdentical();
}

describe('a split brain', () => {
  test('of two primaries is seen by both, and data stays apart', () => {
    const pair = splitPair();
    pair.until(() => isParted(pair.a) && isParted(pair.b));
    pair.scheduler.runUntil(() => false, 3_000);
    assert.ok(isParted(pair.a) && isParted(pair.b));
    assert.deepEqual([pair.a.data.content[4096], pair.b.data.content[4096]], [1, 2]);
    assert.deepEqual([pair.read(pair.a, 1), pair.read(pair.b, 1)], [1, 2]);
  });

  for (const [speaker, discard, winner] of [
    ['a', 'local', 'b'],
    ['a', 'remote', 'a'],
    ['b', 'local', 'a'],
    ['b', 'remote', 'b'],
  ] as const)
    test(`ends when ${speaker} is told --discard-${discard}, on that side alone`, () => {
      const pair = splitPair();
      pair.until(() => isParted(pair.a) && isParted(pair.b));
      resolve(pair[speaker], discard);
      const [block1, block3] = winner === 'a' ? [1, 3] : [2, 0];
      assertWon(pair, pair[winner], block1, block3);
    });

  test('of two secondaries ends by word, and the loser’s higher term goes with its changes', () => {
    const pair = splitPair();
    pair.demote(pair.a);
    pair.demote(pair.b);
    pair.until(() => isParted(pair.a) && isParted(pair.b));
    resolve(pair.a, 'remote');
    assertWon(pair, pair.a, 1, 3);
  });

  test('is settled by policy: the younger primary steps down and is overwritten', () => {
    const pair = splitPair('discard-younger-primary');
    assertWon(pair, pair.a, 1, 3);
  });

  test('that is not there cannot be resolved', () => {
    const pair = new Pair().startMirror();
    assert.equal(resolve(pair.a, 'local'), 'refused');
  });

  test('resolved by word goes on after the loser lost power half-way', () => {
    const pair = splitPair();
    pair.until(() => isParted(pair.a) && isParted(pair.b));
    resolve(pair.b, 'local');
    pair.until(() => pair.b.volume.status().disk === 'Inconsistent');
    pair.b.kill(true);
    pair.b.start();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 2);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    assert.equal(pair.a.data.content[4096], 1);
  });
});
