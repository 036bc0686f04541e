/**
 * A side that lost a split brain has given way, durably, when the winner is promoted anew, by another grantor than before: a half of a pair of which both nodes
 * went on alone. The policy would now find the other side; but what it found first may have begun to happen.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { cutApart, grantAlone, half } from '../support/halves.ts';
import { BLOCK, Pair, type TestNode } from '../support/pair.ts';

const ACTION = 'discard-younger-primary';

const statusOf = ({ volume }: TestNode) => volume.status();
const isWhole = (pair: Pair): boolean =>
  [pair.a, pair.b].every((node) => statusOf(node).peers[0]?.replication === 'Established');

/** `a` wrote 10 to block 1 and 30 to block 3 in the cluster's term, `b` later 11 and 50 to block 5 in its half's. Both are secondary, and about to meet. */
function parted(): Pair {
  const pair = new Pair({
    arbiter: () => half,
    diskBytes: MIB,
    diskDelayMs: () => 1,
    config: {
      sizeBytes: MIB,
      rescueJournal: { path: 'rescue', maxBytes: 17 * MIB, whenFull: 'pause' },
      splitBrain: { zeroPrimaries: ACTION, onePrimary: ACTION, twoPrimaries: ACTION },
    },
  });
  pair.a.start();
  pair.b.start();
  pair.until(() => pair.isConnected());
  grantAlone(pair, pair.a, 1, 'cluster');
  pair.until(() => pair.isEqual() && statusOf(pair.b).inSyncSet.length === 2);
  cutApart(pair);
  pair.until(() => statusOf(pair.a).inSyncSet.length === 1);
  pair.write(pair.a, 1, 10);
  pair.write(pair.a, 3, 30);
  grantAlone(pair, pair.b, 2, 'half of b');
  pair.write(pair.b, 1, 11);
  pair.write(pair.b, 5, 50);
  pair.demote(pair.a);
  pair.demote(pair.b);
  pair.network.isCut = false;
  return pair;
}

/** Its own term was the second. */
const hasGivenWay = ({ b }: Pair): boolean => statusOf(b).term === 1;

function eventsOfCopy(): number {
  const pair = parted();
  let count = 0;
  pair.until(() => {
    count += 1;
    return isWhole(pair);
  });
  return count;
}

function blocksOf(content: Buffer): readonly (number | undefined)[] {
  return [1, 3, 5, 7].map((block) => content[block * BLOCK]);
}

function assertKept(pair: Pair, node: TestNode, wanted: readonly number[], when: string): void {
  let isDone = false;
  node.volume.rescue?.export(undefined, '/image', (error) => {
    assert.equal(error, undefined, when);
    isDone = true;
  });
  pair.until(() => isDone);
  const image = node.images.get('/image');
  assert.ok(image !== undefined, when);
  assert.deepEqual(blocksOf(image.content), wanted, when);
}

describe('a side that has given way', () => {
  test('stays the loser when the winner goes on under another grantor, and is kept, wherever the link was cut', () => {
    const count = eventsOfCopy();
    let decided = 0;
    for (let cutAfter = 1; cutAfter <= count; cutAfter += 8) {
      const pair = parted();
      let left = cutAfter;
      pair.until(() => left-- === 0);
      cutApart(pair);
      if (!hasGivenWay(pair)) continue;
      decided += 1;
      const when = `cut after ${cutAfter} events`;
      grantAlone(pair, pair.a, 2, 'half of a');
      pair.write(pair.a, 7, 70);
      pair.network.isCut = false;
      pair.until(() => isWhole(pair));
      pair.assertIdentical();
      assert.equal(statusOf(pair.a).role, 'primary', `${when}: nobody made it step down`);
      assert.deepEqual(blocksOf(pair.a.data.content), [10, 30, 0, 70], when);
      assertKept(pair, pair.b, [11, 0, 50, 0], when);
    }
    assert.ok(decided > 4, 'the copy was cut at many moments');
  });

  test('is kept also where it went back from the copy meanwhile', () => {
    const pair = parted();
    pair.until(() => statusOf(pair.b).disk === 'Inconsistent');
    cutApart(pair);
    pair.until(() => statusOf(pair.b).disk === 'Outdated', 30_000);
    grantAlone(pair, pair.a, 2, 'half of a');
    pair.write(pair.a, 7, 70);
    pair.network.isCut = false;
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
    assert.deepEqual(blocksOf(pair.a.data.content), [10, 30, 0, 70]);
    assertKept(pair, pair.b, [11, 0, 50, 0], 'after the way back');
  });
});
