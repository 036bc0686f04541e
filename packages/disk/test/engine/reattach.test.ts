import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { speakingAtMost } from './support/older-peer.ts';
import { BLOCK, Pair, SIZE_BYTES } from './support/pair.ts';

const FAILURE = { kind: 'device', errno: 'EIO', message: 'the disk is gone' } as const;

function attach(pair: Pair, replaced = false): void {
  let answer: string | undefined;
  pair.a.volume.attach({ replaced }, (error) => (answer = error?.message ?? 'ok'));
  pair.until(() => answer !== undefined);
  assert.equal(answer, 'ok');
}

/** `a` is primary and its disk has failed after block 0 was written. */
function failedPrimary(): Pair {
  const pair = new Pair({ diskDelayMs: () => 0.2 }).startMirror();
  pair.write(pair.a, 0, 1);
  pair.a.data.failWith = FAILURE;
  pair.write(pair.a, 1, 2);
  assert.equal(pair.a.volume.status().disk, 'Failed');
  return pair;
}

const isWhole = (pair: Pair): boolean => pair.a.volume.status().inSyncSet.length === 2 && pair.isEqual();

describe('a disk that is attached again under a serving primary', () => {
  test('gets what it missed, and joins the set', () => {
    const pair = failedPrimary();
    pair.write(pair.a, 500, 3);
    pair.a.data.failWith = undefined;
    attach(pair);
    assert.equal(pair.a.volume.status().disk, 'Inconsistent');
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
    const { disk, dirtyBytes, inSyncSet, role } = pair.a.volume.status();
    assert.deepEqual([disk, dirtyBytes, inSyncSet, role], ['UpToDate', 0, ['b', 'a'], 'primary']);
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    assert.equal(pair.read(pair.a, 500), 3, 'from its own disk');
  });

  test('gets everything when it is another disk', () => {
    const pair = failedPrimary();
    pair.a.data.failWith = undefined;
    pair.a.data.content = Buffer.alloc(SIZE_BYTES, 0xee);
    attach(pair, true);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  test('gets it by plain reads from a peer that knows the protocol of before', () => {
    const pair = new Pair({ diskDelayMs: () => 0.2 });
    pair.network.altered = speakingAtMost(2);
    pair.startMirror();
    pair.write(pair.a, 3, 0x31, 300);
    pair.a.data.failWith = FAILURE;
    pair.write(pair.a, 1, 2);
    pair.a.data.failWith = undefined;
    pair.a.data.content = Buffer.alloc(SIZE_BYTES, 0xee);
    attach(pair, true);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  test('while the application writes: nothing it wrote is missing', () => {
    const pair = failedPrimary();
    pair.write(pair.a, 0, 9, 200);
    pair.a.data.failWith = undefined;
    attach(pair, true);
    let answered = 0;
    let begun = 0;
    const step = (): void => {
      const block = (begun * 37) % 8000;
      const answer = { done: false };
      pair.a.volume.device?.write(block * BLOCK, Buffer.alloc(BLOCK, begun % 251), false, (error) => {
        assert.equal(error, undefined);
        answer.done = true;
        answered += 1;
        if (begun < 2000) step();
      });
      begun += 1;
    };
    for (let depth = 0; depth < 8; depth += 1) step();
    pair.until(() => answered >= 2000 && isWhole(pair));
    pair.flush(pair.a);
    pair.assertIdentical();
  });

  test('and fails once more is a failed disk as before', () => {
    const pair = failedPrimary();
    pair.a.data.failWith = undefined;
    attach(pair, true);
    pair.a.data.failWith = FAILURE;
    pair.until(() => pair.a.volume.status().disk === 'Failed');
    pair.write(pair.a, 3, 4);
    assert.equal(pair.read(pair.a, 3), 4);
    pair.a.data.failWith = undefined;
    attach(pair);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  for (const how of ['power', 'demotion'] as const)
    test(`and is not whole yet at a ${how} is a target afterwards`, () => {
      const pair = failedPrimary();
      pair.a.data.failWith = undefined;
      pair.a.data.content = Buffer.alloc(SIZE_BYTES, 0xee);
      attach(pair, true);
      pair.write(pair.a, 7, 5);
      if (how === 'power') {
        pair.a.kill(true);
        pair.a.start();
      } else pair.demote(pair.a);
      pair.until(() => pair.a.volume.status().peers[0]?.replication === 'Established');
      assert.deepEqual(pair.b.volume.status().inSyncSet, ['b']);
      pair.assertIdentical();
      assert.equal(pair.b.data.content[7 * BLOCK], 5);
    });

  test('is blank, and nobody said so before the process died: it gets everything at the next start', () => {
    const pair = failedPrimary();
    pair.a.data.isMissing = true;
    const blank = pair.a.data;
    pair.a.volume.attach({ replaced: false }, () => assert.fail('it dies before'));
    pair.until(() => pair.a.data !== blank);
    pair.a.kill(true);
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b);
    pair.a.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('that was detached leaves the service to the peer, and comes back', () => {
    const pair = new Pair({ diskDelayMs: () => 0.2 }).startMirror();
    pair.write(pair.a, 0, 1);
    let detached = false;
    pair.a.volume.detach((error) => (detached = error === undefined));
    pair.until(() => detached);
    assert.equal(pair.a.volume.status().disk, 'Diskless');
    pair.write(pair.a, 1, 2);
    assert.equal(pair.read(pair.a, 0), 1);
    attach(pair);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  test('alone is not given away', () => {
    const pair = new Pair().startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    let message: string | undefined;
    pair.a.volume.detach((error) => (message = error?.message));
    assert.match(message ?? '', /no other replica/);
    assert.equal(pair.a.volume.status().disk, 'UpToDate');
  });
});
