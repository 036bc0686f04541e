/** Two sides went on apart, and when they meet again one of them has no disk: nothing is copied, and neither may give way unawares. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { cutApart, grantAlone, half } from '../support/halves.ts';
import { BLOCK, Pair, type TestNode } from '../support/pair.ts';

const FAILURE = { kind: 'device', errno: 'EIO', message: 'the disk is gone' } as const;

const peerOf = ({ volume }: TestNode) => volume.status().peers[0];

/** `a` serves and has written 10 to block 1; `b` served as well, wrote 50 to block 5, and lost its disk, which ended its term. They meet. */
function metWithoutDisk(): Pair {
  const pair = new Pair({ arbiter: () => half, diskBytes: MIB, config: { sizeBytes: MIB } });
  pair.a.start();
  pair.b.start();
  pair.until(() => pair.isConnected());
  grantAlone(pair, pair.a, 2, 'cluster');
  pair.until(() => pair.isEqual() && pair.b.volume.status().inSyncSet.length === 2);
  cutApart(pair);
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.write(pair.a, 1, 10);
  grantAlone(pair, pair.b, 3, 'half of b');
  pair.write(pair.b, 5, 50);
  pair.b.data.failWith = FAILURE;
  pair.begin(pair.b, 6, 60);
  pair.until(() => pair.b.volume.status().disk === 'Failed' && pair.b.volume.status().role === 'secondary');
  pair.network.isCut = false;
  pair.until(() => peerOf(pair.b)?.connection === 'Connected');
  return pair;
}

/** The disk of `b` is there again. */
function assertTold(pair: Pair): void {
  assert.equal(pair.b.volume.status().term, 3);
  pair.b.data.failWith = undefined;
  pair.b.kill();
  pair.b.start();
  pair.until(() => [pair.a, pair.b].every((node) => peerOf(node)?.splitBrain === true));
  assert.equal(pair.read(pair.a, 1), 10);
  assert.equal(pair.b.data.content[5 * BLOCK], 50, 'what it wrote is still there');
}

describe('a side that went on alone, and has lost its disk', () => {
  test('has not given way to one that serves: the split brain is told when the disk is back', () => {
    const pair = metWithoutDisk();
    pair.write(pair.a, 2, 20);
    assertTold(pair);
  });

  test('nor to one that serves a later term', () => {
    const pair = metWithoutDisk();
    pair.demote(pair.a);
    grantAlone(pair, pair.a, 5, 'cluster');
    pair.write(pair.a, 2, 20);
    pair.until(() => peerOf(pair.b)?.connection === 'Connected');
    assertTold(pair);
  });

  test('nor to one that begins a later term when they have met', () => {
    const pair = metWithoutDisk();
    pair.demote(pair.a);
    pair.until(() => peerOf(pair.b)?.connection === 'Connected');
    grantAlone(pair, pair.a, 5, 'cluster');
    pair.until(() => peerOf(pair.b)?.role === 'primary');
    pair.write(pair.a, 2, 20);
    pair.scheduler.runFor(5000);
    assertTold(pair);
  });
});
