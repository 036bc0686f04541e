/** Who copies to every other member of the set is promoted without force, and nobody that is copied to is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { BLOCK, Pair, type TestNode } from './support/pair.ts';

type Policy = 'continue' | 'freeze';

const resyncRate = { minBytesPerSecond: MIB, maxBytesPerSecond: MIB };

/** After a crash of both, of which `a` was primary: it copies to `b` for some seconds. Block 0 is 1 on both. */
function bothCrashed(onPeerLost: Policy, diskDelayMs: () => number = () => 0): Pair {
  const rescueJournal = { path: 'rescue', maxBytes: 24 * MIB, whenFull: 'pause' } as const;
  const pair = new Pair({ config: { onPeerLost, resyncRate, rescueJournal }, diskDelayMs }).startMirror();
  pair.write(pair.a, 0, 1, 256);
  pair.flush(pair.a);
  for (const node of pair.nodes) node.kill();
  for (const node of pair.nodes) node.start();
  return pair;
}

/** After a loss of power at `b`, which was primary and had not flushed block 0, 1 on `a`: that one copies to it for some seconds. */
function primaryCrashed(onPeerLost: Policy): Pair {
  const pair = new Pair({ config: { onPeerLost, resyncRate }, diskDelayMs: () => 5 }).startMirror();
  pair.demote(pair.a);
  pair.promote(pair.b);
  pair.until(() => pair.isEqual());
  pair.write(pair.b, 0, 1, 256);
  pair.b.kill(true);
  pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connecting');
  pair.b.start();
  untilCopying(pair);
  return pair;
}

function untilCopying(pair: Pair): void {
  const isHalf = (): boolean => pair.b.volume.status().disk === 'Inconsistent';
  pair.until(() => isHalf() && pair.a.volume.status().peers[0]?.replication === 'SyncSource');
  pair.scheduler.runFor(100);
}

function assertNeedsForce(pair: Pair, node: TestNode): void {
  assert.equal(pair.tryPromote(node)?.code, 'refused');
}

for (const policy of ['continue', 'freeze'] as const)
  describe(`onPeerLost: ${policy}: the source of a copy after a crash of both`, () => {
    test('is promoted before the copy is over, and what it serves is copied too', () => {
      const pair = bothCrashed(policy);
      untilCopying(pair);
      assertNeedsForce(pair, pair.b);
      pair.promote(pair.a);
      assert.deepEqual(pair.a.volume.status().inSyncSet, ['a']);
      assert.equal(pair.read(pair.a, 0), 1);
      pair.write(pair.a, 0, 2);
      pair.until(() => pair.isEqual());
      pair.assertIdentical();
    });

    test('that dies half-way has a target that goes back to what it was, and is not promoted for that', () => {
      const pair = bothCrashed(policy);
      untilCopying(pair);
      pair.promote(pair.a);
      pair.write(pair.a, 0, 2);
      pair.a.kill();
      pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
      assertNeedsForce(pair, pair.b);
      pair.a.start();
      pair.promote(pair.a);
      assert.equal(pair.read(pair.a, 0), 2);
      pair.until(() => pair.isEqual());
      pair.assertIdentical();
    });

    test('that dies while it is promoted goes on with the copy afterwards', () => {
      const pair = primaryCrashed(policy);
      const { a, b } = pair;
      const before = a.volume.status().term;
      a.volume.promote({ force: false }, () => assert.fail('a dies before'));
      pair.until(() => [a, b].some(({ volume }) => volume.status().term > before));
      assert.equal(a.volume.status().role, 'secondary');
      a.kill();
      a.start();
      pair.until(() => pair.isEqual(), 30_000);
      pair.promote(a);
      assert.equal(pair.read(a, 0), 1);
      pair.assertIdentical();
    });

    test('that loses its target while it is promoted is refused, or serves if it was sure before, and the copy goes on', () => {
      const outcomes = new Set<string>();
      for (let steps = 0, isOver = false; !isOver; steps += 1) {
        const pair = primaryCrashed(policy);
        const { a, b } = pair;
        let answer: string | undefined;
        a.volume.promote({ force: false }, (error) => (answer = error?.code ?? 'serves'));
        let left = steps;
        pair.scheduler.runUntil(() => left-- <= 0);
        isOver = answer !== undefined;
        b.kill();
        pair.until(() => answer !== undefined);
        outcomes.add(answer ?? '');
        b.start();
        pair.until(() => pair.isEqual(), 30_000);
        pair.promote(a);
        assert.equal(pair.read(a, 0), 1);
        pair.assertIdentical();
      }
      const expected = policy === 'freeze' ? ['serves'] : ['refused', 'serves'];
      assert.deepEqual([...outcomes].sort(), expected);
    });

    test('is promoted also when the target is lost before it hears of that, which stays behind', () => {
      const pair = bothCrashed(policy);
      untilCopying(pair);
      pair.network.isCut = true;
      pair.promote(pair.a);
      pair.write(pair.a, 0, 2);
      assertNeedsForce(pair, pair.b);
      pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
      assertNeedsForce(pair, pair.b);
      pair.b.kill();
      pair.b.start();
      assertNeedsForce(pair, pair.b);
      pair.network.isCut = false;
      pair.until(() => pair.isEqual(), 30_000);
      pair.assertIdentical();
      assert.equal(pair.b.data.content[0], 2);
    });

    test('is not promoted before the target knows that it is being overwritten', () => {
      const pair = bothCrashed(policy, () => 5);
      const { a, b } = pair;
      pair.until(() => a.volume.status().peers[0]?.replication === 'SyncSource');
      assert.notEqual(b.volume.status().disk, 'Inconsistent');
      assertNeedsForce(pair, a);
      pair.until(() => pair.tryPromote(a) === undefined);
      assert.equal(b.volume.status().disk, 'Inconsistent');
      pair.write(a, 1, 3);
      pair.until(() => pair.isEqual(), 30_000);
      assert.equal(b.data.content[BLOCK], 3);
    });

    test('is not promoted without its target', () => {
      const pair = bothCrashed(policy);
      untilCopying(pair);
      pair.b.kill();
      pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connecting');
      assertNeedsForce(pair, pair.a);
    });
  });

test('a peer that is equal and outside the set joins it only when it follows: told of a term that never began, it is not the survivor of a pair', () => {
  const pair = bothCrashed('freeze', () => 5);
  const { a, b } = pair;
  pair.until(() => pair.tryPromote(a) === undefined);
  pair.demote(a);
  const follows = ({ volume }: TestNode): boolean => volume.status().peers[0]?.replication === 'Established';
  pair.until(() => follows(a) && follows(b), 30_000);
  assert.deepEqual(b.volume.status().inSyncSet, ['a']);
  const { term } = a.volume.status();
  a.volume.promote({ force: false }, () => assert.fail('a dies before'));
  pair.until(() => b.volume.status().term > term);
  a.kill();
  pair.until(() => b.volume.status().peers[0]?.connection === 'Connecting');
  assertNeedsForce(pair, b);
  a.start();
  pair.until(() => pair.tryPromote(a) === undefined);
  pair.write(a, 1, 3);
  pair.until(() => pair.isEqual() && a.volume.status().inSyncSet.length === 2, 30_000);
  pair.assertIdentical();
});
