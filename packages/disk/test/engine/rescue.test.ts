/** The rescue journal in the life of a volume: what a copy overwrites can be read again, and a copy cut short undone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB, type EterneError } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';
import type { RescueConfig } from '../../src/rescue/api.ts';
import { BLOCK, Pair, SIZE_BYTES, type TestNode } from './support/pair.ts';

interface Options {
  readonly maxBytes?: number;
  readonly whenFull?: RescueConfig['whenFull'];
  /** Slow enough to be interrupted. */
  readonly bytesPerSecond?: number;
  readonly diskDelayMs?: () => number;
  readonly onPeerLost?: 'continue' | 'freeze';
}

const BROKEN: StoreError = { kind: 'device', errno: 'EIO', message: 'broken' };

function rescuedPair(options: Options = {}): Pair {
  const {
    maxBytes = 24 * MIB,
    whenFull = 'pause',
    bytesPerSecond = 1 << 30,
    onPeerLost = 'continue',
  } = options;
  const resyncRate = { minBytesPerSecond: bytesPerSecond, maxBytesPerSecond: bytesPerSecond };
  const rescueJournal = { path: 'rescue', maxBytes, whenFull };
  const { diskDelayMs } = options;
  const delay = diskDelayMs === undefined ? {} : { diskDelayMs };
  return new Pair({ config: { rescueJournal, resyncRate, onPeerLost }, ...delay }).startMirror();
}

/** Each is on its own until the link is whole again. */
function cut(pair: Pair): void {
  pair.network.isCut = true;
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
}

/** While the link is cut `b` is promoted and writes; then it is told that what it wrote is discarded. Answers what it held. */
function loses(pair: Pair): Buffer {
  pair.promote(pair.b, { force: true });
  pair.write(pair.b, 5, 55, 3);
  const held = Buffer.from(pair.b.data.content);
  pair.network.isCut = false;
  pair.until(() => pair.b.volume.status().peers[0]?.splitBrain === true);
  pair.b.volume.resolve(undefined, 'local', () => {});
  return held;
}

/** Both wrote apart; `a` won. Answers what `b` held. */
function discardB(pair: Pair): Buffer {
  for (let block = 0; block < 20; block += 1) pair.write(pair.a, block, 1);
  cut(pair);
  pair.write(pair.a, 1, 10);
  pair.write(pair.a, 3, 30);
  pair.promote(pair.b, { force: true });
  pair.write(pair.b, 1, 11);
  pair.write(pair.b, 5, 55, 3);
  const held = Buffer.from(pair.b.data.content);
  pair.network.isCut = false;
  pair.until(() => [pair.a, pair.b].every(({ volume }) => volume.status().peers[0]?.splitBrain === true));
  pair.b.volume.resolve(undefined, 'local', () => {});
  pair.until(() => pair.isEqual());
  return held;
}

function exported(pair: Pair, node: TestNode, path = '/image'): Buffer {
  let result: { error: EterneError | undefined } | undefined;
  node.volume.rescue?.export(undefined, path, (error) => (result = { error }));
  pair.until(() => result !== undefined);
  if (result?.error !== undefined) throw result.error;
  const image = node.images.get(path);
  assert.ok(image);
  return image.content;
}

function assertSame(mine: Buffer, wanted: Buffer): void {
  for (let at = 0; at < SIZE_BYTES; at += BLOCK)
    if (!mine.subarray(at, at + BLOCK).equals(wanted.subarray(at, at + BLOCK)))
      assert.fail(`block ${at / BLOCK} is ${mine[at]}, was ${wanted[at]}`);
}

describe('the side of a split brain that lost', () => {
  test('can be exported as it was', () => {
    const pair = rescuedPair();
    const held = discardB(pair);
    assert.deepEqual(
      pair.b.volume.rescue?.points.map(({ state, whole, peer }) => [state, whole, peer]),
      [['kept', true, 'a']],
    );
    assert.deepEqual(pair.a.volume.rescue?.points, []);
    assertSame(exported(pair, pair.b), held);
    pair.assertIdentical();
  });

  test('is kept wherever the link is cut while the copy begins, also where only that side wrote', () => {
    for (const afterMs of [0, 1, 3, 6]) {
      const pair = rescuedPair({ diskDelayMs: () => 1 });
      pair.write(pair.a, 0, 1, 20);
      cut(pair);
      pair.promote(pair.b, { force: true });
      pair.write(pair.b, 5, 55, 3);
      const held = Buffer.from(pair.b.data.content);
      const isParted = (): boolean => pair.b.volume.status().peers[0]?.splitBrain === true;
      const isDone = (): boolean => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2;
      pair.network.isCut = false;
      pair.until(isParted);
      pair.b.volume.resolve(undefined, 'local', () => {});
      pair.scheduler.runUntil(() => pair.b.volume.status().role === 'secondary', 1000);
      pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connected' || isDone());
      pair.scheduler.runUntil(() => false, afterMs);
      pair.network.isCut = true;
      pair.scheduler.runUntil(() => false, 2000);
      pair.network.isCut = false;
      pair.until(() => isParted() || isDone());
      if (isParted()) pair.b.volume.resolve(undefined, 'local', () => {});
      pair.until(isDone);
      assert.deepEqual(wholes(pair.b), [true], `cut after ${afterMs} ms`);
      assertSame(exported(pair, pair.b), held);
    }
  });

  test('is kept also where the copy was undone meanwhile, and begins anew', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    pair.write(pair.a, 0, 1, 20);
    cut(pair);
    for (let block = 0; block < 1024; block += 128) pair.write(pair.a, block, 9, 128);
    const held = loses(pair);
    pair.until(() => pair.b.volume.status().disk === 'Inconsistent' && pair.b.data.content[0] === 9);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
    assertSame(pair.b.data.content, held);
    pair.a.start();
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'Established', 60_000);
    pair.assertIdentical();
    assert.equal(pair.a.data.content[5 * BLOCK], 9);
    assert.deepEqual(wholes(pair.b), [true]);
    assertSame(exported(pair, pair.b), held);
  });

  test('is kept also when the operator gives that side up before its copy is over', () => {
    for (const isAway of [false, true]) {
      const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
      for (let block = 0; block < 1024; block += 256) pair.write(pair.a, block, 1, 256);
      cut(pair);
      pair.write(pair.a, 0, 10, 1024);
      const held = loses(pair);
      pair.until(() => pair.b.data.content[0] === 10);
      let answer: string | undefined;
      pair.b.volume.invalidate((error) => (answer = error?.message ?? 'ok'));
      pair.until(() => answer === 'ok');
      // Its source stays away for longer than it would wait with the way back.
      if (isAway) pair.a.kill();
      pair.scheduler.runFor(isAway ? 15_000 : 0);
      if (isAway) pair.a.start();
      if (isAway) pair.promote(pair.a);
      pair.until(() => pair.isEqual(), 60_000);
      pair.assertIdentical();
      assert.deepEqual(wholes(pair.b), [true]);
      assertSame(exported(pair, pair.b), held);
    }
  });

  test('is kept also where it was promoted when a copy into it was about to begin', () => {
    const outcomes = [0, 6, 8, 10, 14].map((afterMs) => {
      const pair = rescuedPair({ diskDelayMs: () => 1 });
      pair.write(pair.a, 0, 1, 20);
      cut(pair);
      pair.write(pair.a, 5, 9, 20);
      pair.network.isCut = false;
      pair.until(() => pair.b.volume.status().peers[0]?.replication === 'SyncTarget');
      pair.scheduler.runFor(afterMs);
      const granted = { term: { number: 2, grantor: 'b' }, set: { version: 9, members: ['b'] } };
      let answer: string | undefined;
      pair.b.volume.promote(
        { granted, force: false, withoutLease: true },
        (error) => (answer = error?.message ?? 'ok'),
      );
      pair.until(() => answer !== undefined);
      if (answer !== 'ok') return answer;
      pair.until(() => pair.b.volume.rescue?.points.length === 0);
      pair.write(pair.b, 5, 55, 3);
      const held = Buffer.from(pair.b.data.content);
      pair.until(() => pair.b.volume.status().peers[0]?.splitBrain === true);
      pair.b.volume.resolve(undefined, 'local', () => {});
      pair.until(() => pair.isEqual());
      pair.assertIdentical();
      assert.deepEqual(wholes(pair.b), [true], `promoted after ${afterMs} ms`);
      assertSame(exported(pair, pair.b), held);
      return 'kept';
    });
    assert.deepEqual(outcomes, ['kept', 'kept', 'kept', 'kept', 'this replica is Inconsistent']);
  });

  test('can be exported after the volume went on, under either primary, and through restarts', () => {
    const pair = rescuedPair();
    const held = discardB(pair);
    for (let block = 0; block < 30; block += 2) pair.write(pair.a, block, 77);
    pair.flush(pair.a);
    pair.b.kill(true);
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    pair.write(pair.a, 9, 99, 4);
    pair.b.start();
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    pair.demote(pair.a);
    pair.promote(pair.b);
    for (let block = 1; block < 40; block += 3) pair.write(pair.b, block, 88);
    assertSame(exported(pair, pair.b), held);
    pair.assertIdentical();
  });

  test('is gone when the operator drops it', () => {
    const pair = rescuedPair();
    discardB(pair);
    const id = pair.b.volume.rescue?.points[0]?.id ?? 0;
    let answer: string | undefined;
    pair.b.volume.rescue?.drop(id, (error) => (answer = error?.code ?? 'ok'));
    pair.until(() => answer !== undefined);
    assert.equal(answer, 'ok');
    assert.deepEqual(pair.b.volume.rescue?.points, []);
    assert.throws(() => exported(pair, pair.b), { code: 'not-found' });
    pair.write(pair.a, 2, 2);
    pair.assertIdentical();
  });

  test('loses its whole image, not the mirror, when later writes use up the room', () => {
    const pair = rescuedPair({ maxBytes: 17 * MIB });
    for (let block = 0; block < 6000; block += 250) pair.write(pair.a, block, 1 + (block % 200), 250);
    discardB(pair);
    for (let block = 0; block < 6000; block += 250) pair.write(pair.a, block, 2 + (block % 200), 250);
    assert.deepEqual(
      pair.b.volume.rescue?.points.map(({ state, whole }) => [state, whole]),
      [['kept', false]],
    );
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });
});

/** `b` was away while `a` wrote `blocks` blocks; it is back, and half of them are copied when `a` dies. Answers what `b` held before. */
function halfCopied(pair: Pair, blocks = 1024): Buffer {
  pair.write(pair.a, 0, 5, 64);
  pair.write(pair.a, 2048, 6, 64);
  pair.flush(pair.a);
  cut(pair);
  const held = Buffer.from(pair.b.data.content);
  for (let block = 0; block < blocks; block += 128) pair.write(pair.a, block, 9, 128);
  pair.network.isCut = false;
  pair.until(() => pair.b.volume.status().disk === 'Inconsistent' && pair.b.data.content[0] === 9, 60_000);
  pair.write(pair.a, 2050, 7);
  pair.until(() => pair.b.data.content[2050 * BLOCK] === 7);
  assert.ok(pair.b.data.content[(blocks - 1) * BLOCK] !== 9, 'it is not over yet');
  return held;
}

describe('a copy whose source dies half-way', () => {
  test('is undone after a while', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    const held = halfCopied(pair);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
    assertSame(pair.b.data.content, held);
    assert.deepEqual(pair.b.volume.rescue?.points, []);
    assert.ok(pair.b.volume.status().dirtyBytes > 0, 'its own bits cover what was undone');
    pair.a.start();
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'Established', 60_000);
    assert.equal(pair.b.volume.status().peers[0]?.resync.kind, 'bitmap', 'not everything again');
    pair.assertIdentical();
    assert.equal(pair.b.data.content[0], 9);
  });

  test('is undone at once when the target is promoted by force', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    const held = halfCopied(pair);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b, { force: true });
    assertSame(pair.b.data.content, held);
    pair.write(pair.b, 7, 70);
    pair.a.start();
    pair.until(() => pair.b.volume.status().peers[0]?.splitBrain === true, 30_000);
    assert.equal(pair.b.data.content[7 * BLOCK], 70);
  });

  test('goes on when the source is back in time, and can still be undone after that', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    const held = halfCopied(pair);
    pair.network.isCut = true;
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.network.isCut = false;
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'SyncTarget');
    pair.a.kill();
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
    assertSame(pair.b.data.content, held);
  });

  test('that ends well leaves nothing in the journal', () => {
    const pair = rescuedPair();
    cut(pair);
    pair.write(pair.a, 0, 9, 200);
    pair.network.isCut = false;
    pair.until(() => pair.isEqual());
    pair.until(() => pair.b.volume.rescue?.points.length === 0);
    pair.assertIdentical();
  });

  test('that the journal has no room for pauses, and what it did is undone', () => {
    const pair = rescuedPair({ maxBytes: 17 * MIB });
    for (let block = 0; block < 6400; block += 250) pair.write(pair.a, block, 1 + (block % 200), 250);
    cut(pair);
    const held = Buffer.from(pair.b.data.content);
    for (let block = 0; block < 6400; block += 250) pair.write(pair.a, block, 3 + (block % 200), 250);
    pair.network.isCut = false;
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'PausedSync');
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
    assertSame(pair.b.data.content, held);
  });

  test('goes on without a way back with drop-oldest', () => {
    const pair = rescuedPair({ maxBytes: 17 * MIB, whenFull: 'drop-oldest' });
    for (let block = 0; block < 6400; block += 250) pair.write(pair.a, block, 1 + (block % 200), 250);
    cut(pair);
    for (let block = 0; block < 6400; block += 250) pair.write(pair.a, block, 3 + (block % 200), 250);
    pair.network.isCut = false;
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });
});

function wholes(node: TestNode): (boolean | undefined)[] {
  return (node.volume.rescue?.points ?? []).map(({ whole }) => whole);
}

/** `b`'s journal fails when it is to save `block`, which `a` writes; the mirror goes on. */
function overwriteUnsaved(pair: Pair, block: number): void {
  pair.b.rescue.failWith = BROKEN;
  pair.write(pair.a, block, 123);
  pair.until(() => pair.b.data.content[block * BLOCK] === 123);
  pair.b.rescue.failWith = undefined;
}

function restart(pair: Pair, node: TestNode): void {
  node.kill(true);
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  node.start();
  pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
}

/** `drop-oldest`: a mirror without a way back is better than none. */
describe('a journal that fails under a copy that is to go on', () => {
  test('lets it, and its point is not whole, before and after a restart', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB, whenFull: 'drop-oldest' });
    halfCopied(pair);
    assert.deepEqual(wholes(pair.b), [true]);
    pair.b.rescue.failWith = BROKEN;
    pair.until(() => wholes(pair.b)[0] === false);
    assert.match(pair.b.volume.status().rescueProblem ?? '', /rescue journal: broken/);
    pair.until(() => pair.isEqual(), 60_000);
    pair.b.rescue.failWith = undefined;
    restart(pair, pair.b);
    assert.ok(!wholes(pair.b).includes(true));
    pair.assertIdentical();
  });

  test('is never gone back to, also when its source dies then and the journal is well again', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB, whenFull: 'drop-oldest' });
    halfCopied(pair);
    pair.b.rescue.failWith = BROKEN;
    pair.until(() => wholes(pair.b)[0] === false);
    pair.a.kill();
    pair.b.kill(true);
    pair.b.rescue.failWith = undefined;
    pair.b.start();
    pair.scheduler.runUntil(() => false, 30_000);
    assert.equal(pair.b.volume.status().disk, 'Inconsistent');
    assert.deepEqual(wholes(pair.b), [false]);
    pair.a.start();
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'Established', 60_000);
    pair.assertIdentical();
  });

  test('is never taken for whole when it is not, wherever the power fails meanwhile', () => {
    const seen = new Set<boolean>();
    for (let steps = 0; steps < 10; steps += 1) {
      const pair = rescuedPair({
        bytesPerSecond: 4 * MIB,
        whenFull: 'drop-oldest',
        diskDelayMs: () => 1,
      });
      const held = halfCopied(pair);
      pair.b.rescue.failWith = BROKEN;
      pair.until(() => pair.b.volume.status().rescueProblem !== undefined);
      pair.scheduler.runUntil(() => false, steps);
      pair.network.isCut = true;
      pair.b.kill(true, () => steps % 2 === 0);
      pair.b.rescue.failWith = undefined;
      pair.b.start();
      const [isWhole = false] = wholes(pair.b);
      seen.add(isWhole);
      if (!isWhole) continue;
      pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
      assertSame(pair.b.data.content, held);
    }
    assert.deepEqual([...seen], [true, false]);
  });

  test('before it has begun, or that cannot be opened, does not hold it up either', () => {
    for (const isOpen of [true, false]) {
      const pair = rescuedPair({ whenFull: 'drop-oldest' });
      pair.write(pair.a, 0, 1, 20);
      pair.b.kill(true);
      pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
      pair.write(pair.a, 0, 2, 20);
      pair.network.isCut = true;
      if (!isOpen) pair.b.rescue.failWith = BROKEN;
      pair.b.start();
      pair.b.rescue.failWith = BROKEN;
      pair.network.isCut = false;
      pair.until(() => pair.isEqual());
      assert.ok(pair.b.logs.some((line) => line.includes('the copy begins without a way back')));
      assert.ok(!wholes(pair.b).includes(true));
      pair.assertIdentical();
    }
  });
});

/** Not even its header. */
function makeUnreadable({ rescue }: TestNode): void {
  rescue.failWith = BROKEN;
  rescue.fault = () => BROKEN;
}

function mend({ rescue }: TestNode): void {
  rescue.failWith = undefined;
  rescue.fault = () => undefined;
}

function isPaused({ volume }: TestNode): boolean {
  return volume.status().peers[0]?.replication === 'PausedSync';
}

function isInUseAgain({ logs }: TestNode): boolean {
  return logs.some((line) => line.includes('in use again'));
}

/** Until what happens by itself within a minute has happened. */
function untilInUse(pair: Pair): void {
  pair.until(() => pair.b.volume.status().rescueProblem === undefined, 70_000);
}

/** `pause`: nobody but whoever mends the device has to do anything. */
describe('a copy that was paused because its journal failed', () => {
  test('says why and what has it go on, goes on by itself when the journal is back, and can be undone still', () => {
    const pair = rescuedPair({ bytesPerSecond: 2 * MIB });
    const held = halfCopied(pair);
    makeUnreadable(pair.b);
    pair.until(() => isPaused(pair.b));
    const paused = pair.b.volume.status().peers[0]?.paused;
    assert.equal(paused?.reason, 'rescue journal: broken');
    assert.match(paused.goesOn, /used again by itself/);
    pair.scheduler.runUntil(() => false, 20_000);
    assert.ok(isPaused(pair.b));
    assert.equal(pair.b.volume.status().disk, 'Inconsistent', 'there is nothing to go back by');
    mend(pair.b);
    untilInUse(pair);
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'SyncTarget');
    assert.equal(pair.b.volume.status().peers[0]?.paused, undefined);
    assert.deepEqual(wholes(pair.b), [true]);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
    assertSame(pair.b.data.content, held);
  });

  test('ends as any other', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    halfCopied(pair);
    makeUnreadable(pair.b);
    pair.until(() => isPaused(pair.b));
    mend(pair.b);
    pair.until(() => pair.isEqual(), 60_000);
    pair.until(() => pair.b.volume.rescue?.points.length === 0);
    pair.assertIdentical();
  });

  test('is undone meanwhile where the journal can still be read', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    const held = halfCopied(pair);
    pair.b.rescue.failWith = BROKEN;
    pair.until(() => pair.b.volume.status().disk === 'Outdated', 15_000);
    assertSame(pair.b.data.content, held);
    assert.ok(isPaused(pair.b));
    mend(pair.b);
    pair.until(() => pair.isEqual(), 90_000);
    assert.deepEqual(wholes(pair.b), []);
    pair.assertIdentical();
  });

  test('can be undone, wherever the power fails while the journal is opened anew', () => {
    const seen = new Set<boolean>();
    for (let steps = 0; steps < 12; steps += 1) {
      const pair = rescuedPair({ bytesPerSecond: 2 * MIB, diskDelayMs: () => 1 });
      const held = halfCopied(pair);
      makeUnreadable(pair.b);
      pair.until(() => isPaused(pair.b));
      mend(pair.b);
      pair.scheduler.runUntil(() => false, 990 + 4 * steps);
      pair.network.isCut = true;
      seen.add(isInUseAgain(pair.b));
      pair.b.kill(true, () => steps % 2 === 0);
      pair.b.start();
      assert.deepEqual(wholes(pair.b), [true], `after ${steps} steps`);
      pair.until(() => pair.b.volume.status().disk === 'Outdated', 30_000);
      assertSame(pair.b.data.content, held);
    }
    assert.deepEqual([...seen], [false, true]);
  });

  test('is left alone when the operator has disconnected the two meanwhile', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    halfCopied(pair);
    makeUnreadable(pair.b);
    pair.until(() => isPaused(pair.b));
    pair.b.volume.disconnect('a', () => {});
    mend(pair.b);
    untilInUse(pair);
    const { connection, replication } = pair.b.volume.status().peers[0] ?? {};
    assert.deepEqual([connection, replication], ['StandAlone', 'Off']);
  });

  test('is undone at once when the target is promoted by force, as soon as the journal is back', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    const held = halfCopied(pair);
    makeUnreadable(pair.b);
    pair.until(() => isPaused(pair.b));
    pair.a.kill();
    // By now it is tried once a minute.
    pair.scheduler.runUntil(() => false, 150_000);
    assert.match(pair.tryPromote(pair.b, { force: true })?.message ?? '', /rescue journal/);
    mend(pair.b);
    const { nowMs } = pair.scheduler;
    pair.promote(pair.b, { force: true });
    assert.ok(pair.scheduler.nowMs - nowMs < 1_000);
    assertSame(pair.b.data.content, held);
  });

  test('waits where another journal has been put in the place of the one that has the way back', () => {
    const pair = rescuedPair({ bytesPerSecond: 4 * MIB });
    halfCopied(pair);
    makeUnreadable(pair.b);
    pair.until(() => isPaused(pair.b));
    pair.scheduler.runUntil(() => false, 5_000);
    pair.b.rescue.content.fill(0);
    mend(pair.b);
    pair.scheduler.runUntil(() => false, 70_000);
    assert.ok(isPaused(pair.b));
    assert.ok(pair.b.logs.some((line) => line.includes('another rescue journal is in its place')));
    pair.b.kill();
    pair.b.start();
    pair.until(() => pair.isEqual(), 60_000);
  });

  test('for want of room goes on when a point is dropped', () => {
    const pair = rescuedPair({ maxBytes: 17 * MIB });
    for (let block = 0; block < 5000; block += 250) pair.write(pair.a, block, 1 + (block % 200), 250);
    discardB(pair);
    for (let block = 0; block < 2000; block += 250) pair.write(pair.a, block, 202, 250);
    cut(pair);
    for (let block = 2000; block < 5000; block += 250) pair.write(pair.a, block, 203, 250);
    pair.network.isCut = false;
    pair.until(() => isPaused(pair.b));
    assert.match(pair.b.volume.status().peers[0]?.paused?.goesOn ?? '', /drop a point/);
    const [kept] = pair.b.volume.rescue?.points ?? [];
    pair.b.volume.rescue?.drop(kept?.id ?? 0, () => {});
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });
});

describe('a journal that is back while its replica runs', () => {
  test('keeps whole points again, and says of those that missed something that they are not', () => {
    const pair = rescuedPair();
    discardB(pair);
    overwriteUnsaved(pair, 15);
    untilInUse(pair);
    assert.deepEqual(wholes(pair.b), [false]);
    const held = discardB(pair);
    assert.deepEqual(wholes(pair.b), [false, true]);
    assertSame(exported(pair, pair.b), held);
    pair.assertIdentical();
  });

  test('does so where it could not be opened', () => {
    const pair = rescuedPair();
    discardB(pair);
    makeUnreadable(pair.b);
    restart(pair, pair.b);
    pair.write(pair.a, 15, 123);
    pair.until(() => pair.b.data.content[15 * BLOCK] === 123);
    mend(pair.b);
    untilInUse(pair);
    assert.deepEqual(wholes(pair.b), [false]);
    const held = discardB(pair);
    assertSame(exported(pair, pair.b), held);
  });

  test('is never taken for whole when it is not, wherever the power fails while it is opened anew', () => {
    const seen = new Set<boolean>();
    for (let steps = 0; steps < 12; steps += 1) {
      const pair = rescuedPair({ diskDelayMs: () => 1 });
      discardB(pair);
      overwriteUnsaved(pair, 15);
      pair.scheduler.runUntil(() => false, 990 + 4 * steps);
      pair.begin(pair.a, 16, 124);
      pair.scheduler.runUntil(() => false, steps % 4);
      seen.add(isInUseAgain(pair.b));
      pair.b.kill(true, () => steps % 2 === 0);
      pair.network.isCut = true;
      pair.b.start();
      assert.deepEqual(wholes(pair.b), [false], `after ${steps} steps`);
    }
    assert.deepEqual([...seen], [false, true]);
  });

  test('is tried ever more rarely, and once a minute in the end', () => {
    const pair = rescuedPair();
    discardB(pair);
    pair.b.rescue.failWith = BROKEN;
    pair.write(pair.a, 15, 123);
    let tries = 0;
    pair.b.rescue.fault = (what, offset) => {
      if (what === 'read' && offset === 0) tries += 1;
      return undefined;
    };
    pair.scheduler.runUntil(() => false, 63_500);
    assert.equal(tries, 6);
    pair.scheduler.runUntil(() => false, 600_000);
    assert.equal(tries, 16);
  });
});

describe('a journal that fails while nothing is copied', () => {
  test('does not hold the mirror up, and its points are not whole, before and after a restart', () => {
    const pair = rescuedPair();
    discardB(pair);
    overwriteUnsaved(pair, 15);
    assert.deepEqual(wholes(pair.b), [false]);
    pair.write(pair.a, 16, 124);
    restart(pair, pair.b);
    assert.deepEqual(wholes(pair.b), [false]);
    restart(pair, pair.b);
    assert.deepEqual(wholes(pair.b), [false]);
    pair.assertIdentical();
  });

  test('keeps whole points again after a restart', () => {
    const pair = rescuedPair();
    discardB(pair);
    overwriteUnsaved(pair, 15);
    restart(pair, pair.b);
    const held = discardB(pair);
    assert.deepEqual(wholes(pair.b), [false, true]);
    assertSame(exported(pair, pair.b), held);
  });

  test('is never taken for whole when it is not, wherever the power fails meanwhile', () => {
    const seen = new Set<boolean>();
    for (let steps = 0; steps < 10; steps += 1) {
      const pair = rescuedPair({ diskDelayMs: () => 1 });
      const held = discardB(pair);
      pair.b.rescue.failWith = BROKEN;
      pair.begin(pair.a, 15, 123);
      pair.scheduler.runUntil(() => false, steps);
      pair.b.kill(true, () => steps % 2 === 0);
      pair.b.rescue.failWith = undefined;
      pair.network.isCut = true;
      pair.b.start();
      const [isWhole = false] = wholes(pair.b);
      seen.add(isWhole);
      if (isWhole) assertSame(exported(pair, pair.b), held);
      else assert.ok(pair.b.logs.some((line) => line.includes('did not keep')));
    }
    assert.deepEqual([...seen], [true, false]);
  });

  test('at the very end of a copy ends its point, not the mirror', () => {
    const pair = rescuedPair();
    discardB(pair);
    cut(pair);
    pair.write(pair.a, 0, 9, 200);
    const begun = pair.b.rescue.flushCount;
    pair.network.isCut = false;
    pair.until(() => pair.b.rescue.flushCount > begun + 2);
    pair.b.rescue.fault = (what, offset) => (what === 'write' && offset < 2 * BLOCK ? BROKEN : undefined);
    pair.until(() => pair.isEqual());
    pair.write(pair.a, 300, 31);
    pair.until(() => pair.b.data.content[300 * BLOCK] === 31);
    assert.deepEqual(wholes(pair.b), [false, false]);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    // Its point is in the table still, and must not be taken for that of another copy.
    cut(pair);
    const held = Buffer.from(pair.b.data.content);
    pair.write(pair.a, 0, 10, 200);
    pair.network.isCut = false;
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'PausedSync');
    assertSame(pair.b.data.content, held);
  });
});

describe('a replica that was run without its journal for a while', () => {
  test('does not take the points that the journal still has for whole', () => {
    const pair = rescuedPair();
    discardB(pair);
    pair.b.hasJournal = false;
    restart(pair, pair.b);
    pair.write(pair.a, 15, 123);
    pair.b.hasJournal = true;
    restart(pair, pair.b);
    assert.deepEqual(wholes(pair.b), [false]);
  });
});

describe('a journal that cannot be read when its replica is opened', () => {
  test('does not keep the volume closed, which says so; its points are not whole when it is back', () => {
    const pair = rescuedPair();
    discardB(pair);
    pair.b.rescue.failWith = BROKEN;
    restart(pair, pair.b);
    assert.match(pair.b.volume.status().rescueProblem ?? '', /rescue journal: broken/);
    assert.ok(
      pair.b.logs.some((line) => line.includes('error') && line.includes('without its rescue journal')),
    );
    assert.throws(() => exported(pair, pair.b), { code: 'io' });
    pair.write(pair.a, 15, 123);
    pair.until(() => pair.b.data.content[15 * BLOCK] === 123);
    pair.b.rescue.failWith = undefined;
    restart(pair, pair.b);
    assert.equal(pair.b.volume.status().rescueProblem, undefined);
    assert.deepEqual(wholes(pair.b), [false]);
    pair.assertIdentical();
  });

  test('does not keep a volume closed whose other copy is away, either: it is promoted and serves', () => {
    const pair = rescuedPair();
    discardB(pair);
    pair.a.kill(true);
    pair.b.kill(true);
    pair.b.rescue.failWith = BROKEN;
    pair.b.start();
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 15, 123);
    assert.equal(pair.read(pair.b, 15), 123);
  });

  test('holds up a copy that would overwrite what cannot be kept, until it is mended', () => {
    const pair = rescuedPair();
    for (let block = 0; block < 20; block += 1) pair.write(pair.a, block, 1);
    cut(pair);
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 5, 55, 3);
    pair.flush(pair.b);
    const held = Buffer.from(pair.b.data.content);
    pair.b.kill(true);
    pair.b.rescue.failWith = BROKEN;
    pair.b.start();
    pair.network.isCut = false;
    pair.until(() => pair.b.volume.status().peers[0]?.splitBrain === true);
    pair.b.volume.resolve(undefined, 'local', () => {});
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'PausedSync');
    assertSame(pair.b.data.content, held);
    pair.b.kill(true);
    pair.b.rescue.failWith = undefined;
    pair.b.start();
    // It has been decided already.
    pair.until(() => pair.isEqual());
    assert.deepEqual(wholes(pair.b), [true]);
    assertSame(exported(pair, pair.b), held);
  });

  test('that held a copy up lets the replica be promoted by force only: the source may go on under another name', () => {
    const pair = rescuedPair({ onPeerLost: 'freeze' });
    pair.write(pair.a, 0, 1);
    pair.a.kill(true);
    pair.b.kill(true);
    pair.b.rescue.failWith = BROKEN;
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.b.volume.status().peers[0]?.replication === 'PausedSync');
    pair.a.kill(true);
    pair.b.volume.connect('a', () => {});
    assert.equal(pair.b.volume.status().disk, 'UpToDate');
    assert.match(pair.tryPromote(pair.b)?.message ?? '', /a copy from a had begun when it was paused/);
    pair.promote(pair.b, { force: true });
  });

  test('does not hold up the end of a copy that was cut short: there is no way back any more', () => {
    const pair = rescuedPair({ bytesPerSecond: 2 << 20 });
    halfCopied(pair);
    pair.b.kill(true);
    pair.b.rescue.failWith = BROKEN;
    pair.b.start();
    pair.until(() => pair.isEqual(), 60_000);
    pair.assertIdentical();
  });

  test('is never taken for whole later, wherever the power fails while the replica is opened without it', () => {
    const seen = new Set<boolean>();
    for (let steps = 0; steps < 8; steps += 1) {
      const pair = rescuedPair({ diskDelayMs: () => 1 });
      const held = discardB(pair);
      pair.b.kill(true);
      pair.b.rescue.failWith = BROKEN;
      pair.b.tryStart();
      pair.scheduler.runUntil(() => false, steps * 2);
      if (pair.b.isUp && pair.isEqual()) pair.begin(pair.a, 15, 123);
      pair.scheduler.runUntil(() => false, steps);
      pair.b.kill(true, () => steps % 2 === 0);
      pair.b.rescue.failWith = undefined;
      pair.network.isCut = true;
      pair.b.start();
      const [isWhole = false] = wholes(pair.b);
      seen.add(isWhole);
      if (isWhole) assertSame(exported(pair, pair.b), held);
    }
    assert.deepEqual([...seen], [true, false]);
  });

  test('keeps the volume closed where it is another replica’s', () => {
    const pair = rescuedPair();
    pair.b.kill(true);
    pair.a.rescue.content.copy(pair.b.rescue.content);
    const result = pair.b.tryStart();
    pair.until(() => result.value !== undefined);
    assert.equal((result.value as EterneError).code, 'conflict');
  });
});
