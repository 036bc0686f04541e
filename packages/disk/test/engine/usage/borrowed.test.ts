/** A replica that serves while it is still being copied to: what it lacks is at the other one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EterneError } from '@eterne/base';
import { BLOCK, Pair, type TestNode } from '../support/pair.ts';
import type { MeshOptions } from '../support/mesh.ts';
import { speakingAtMost } from '../support/older-peer.ts';
import { fileSystemOf, partclone, type TestPartclone } from './partclone.ts';

const SIZE_BYTES = 2 * 1024 * 1024;
const BLOCKS = SIZE_BYTES / BLOCK;
const USED_BLOCKS = 64;
/** Slow enough that a copy takes some hundred milliseconds. */
const RATE = { minBytesPerSecond: 4 << 20, maxBytesPerSecond: 4 << 20 };

type Borrowing = Pair & { readonly tool: TestPartclone };

/** `b` holds a file system, `a` is empty and a target of its copy, of which nothing has come yet. */
function begin(initialSync: 'smart' | 'full' = 'full', config: MeshOptions['config'] = {}): Borrowing {
  const tool = partclone(USED_BLOCKS, SIZE_BYTES);
  const pair = new Pair({
    diskBytes: SIZE_BYTES,
    config: { initialSync, sizeBytes: SIZE_BYTES, resyncRate: RATE, ...config },
    processes: tool.processes,
    diskDelayMs: () => 0.2,
  });
  fileSystemOf(pair.b, 0x77);
  fileSystemOf(pair.a, 0xaa);
  pair.b.start();
  pair.promote(pair.b, { force: true });
  pair.demote(pair.b);
  pair.a.start();
  pair.until(() => pair.a.volume.status().peers[0]?.replication === 'SyncTarget');
  pair.until(() => initialSync === 'full' || tool.commands.length > 0);
  return Object.assign(pair, { tool });
}

/** The answer of a promotion, once there is one. */
interface Asked {
  result: { readonly error: EterneError | undefined } | undefined;
}

function ask(node: TestNode): Asked {
  const asked: Asked = { result: undefined };
  node.volume.promote({ force: false, whileCopied: true }, (error) => (asked.result = { error }));
  return asked;
}

function refusal(pair: Pair, node = pair.a): EterneError {
  const error = pair.tryPromote(node, { whileCopied: true });
  assert.ok(error, 'it is refused');
  assert.ok(error.hint, 'and says what to do');
  return error;
}

function borrow(pair: Pair): void {
  assert.equal(pair.tryPromote(pair.a, { whileCopied: true })?.message, undefined);
}

const isWhole = (pair: Pair): boolean => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2;
const block = (node: TestNode, at: number): number => node.data.content[at * BLOCK] ?? -1;
const peerOf = (node: TestNode) => node.volume.status().peers[0];

describe('a replica that is promoted while it is copied to', () => {
  test('reads from the source, gets what is in use and nothing else, and joins the set', () => {
    const pair = begin('smart');
    const asked = ask(pair.a);
    pair.scheduler.runFor(50);
    assert.equal(asked.result, undefined, 'not before the map of what is in use is there');
    pair.tool.answer();
    pair.until(() => asked.result !== undefined);
    const { disk, inSyncSet, role } = pair.a.volume.status();
    assert.deepEqual([role, disk, inSyncSet], ['primary', 'Inconsistent', ['b']]);
    assert.equal(pair.read(pair.a, USED_BLOCKS - 1), 0x77);
    assert.equal(pair.read(pair.a, USED_BLOCKS + 100), 0x77, 'also what is in nobody’s use');
    pair.until(() => isWhole(pair));
    const used = USED_BLOCKS * BLOCK;
    assert.ok(pair.a.data.content.subarray(0, used).equals(pair.b.data.content.subarray(0, used)));
    assert.equal(block(pair.a, USED_BLOCKS + 100), 0xaa, 'not copied');
    assert.equal(pair.read(pair.a, USED_BLOCKS + 100), 0x77, 'still read where it is');
    assert.deepEqual([pair.a.volume.status().dirtyBytes, pair.b.volume.status().dirtyBytes], [0, 0]);
  });

  test('shows on both sides that blocks are copied, and how far that is', () => {
    const pair = begin();
    borrow(pair);
    const { toSyncBytes = 0, syncedBytes = 0 } = peerOf(pair.a)?.resync ?? {};
    assert.deepEqual(
      [peerOf(pair.a)?.replication, peerOf(pair.b)?.replication],
      ['SyncTarget', 'SyncSource'],
    );
    assert.deepEqual([peerOf(pair.b)?.disk, peerOf(pair.b)?.role], ['Inconsistent', 'primary']);
    assert.equal(toSyncBytes, SIZE_BYTES);
    for (const node of [pair.a, pair.b])
      pair.until(() => (peerOf(node)?.resync.syncedBytes ?? 0) > syncedBytes + SIZE_BYTES / 4);
    assert.ok((peerOf(pair.a)?.resync.etaMs ?? 0) > 0);
    assert.ok(!isWhole(pair));
    pair.until(() => isWhole(pair));
    assert.equal(peerOf(pair.a)?.resync.syncedBytes, SIZE_BYTES);
    assert.equal(peerOf(pair.a)?.disk, 'UpToDate');
  });

  test('sends a write to what is not copied yet to the source alone, any other to both', () => {
    const pair = begin();
    borrow(pair);
    const last = BLOCKS - 1;
    const early = pair.begin(pair.a, last, 0x11);
    pair.until(() => early.answer !== undefined);
    assert.deepEqual([early.answer, block(pair.b, last), block(pair.a, last)], ['ok', 0x11, 0xaa]);
    assert.equal(pair.read(pair.a, last), 0x11);
    pair.until(() => block(pair.a, 0) === 0x77 && block(pair.a, 63) === 0x77);
    assert.notEqual(block(pair.a, last), 0x11, 'the copy has not come so far');
    pair.write(pair.a, 0, 0x22);
    pair.until(() => block(pair.a, 0) === 0x22);
    assert.equal(block(pair.b, 0), 0x22);
    assert.ok(!isWhole(pair));
    pair.until(() => isWhole(pair));
    assert.equal(block(pair.a, last), 0x11);
    pair.flush(pair.a);
    pair.assertIdentical();
  });

  test('lets a write to a block that is being copied wait for the copy, and a read of it, too', () => {
    const pair = begin();
    borrow(pair);
    const first = pair.begin(pair.a, 0, 0x33);
    let read: number | undefined;
    pair.a.volume.device?.read(BLOCK, BLOCK, (_error, data) => (read = data[0]));
    assert.deepEqual(
      [block(pair.a, 0), block(pair.b, 0)],
      [0xaa, 0x77],
      'the copy of it has only been asked for',
    );
    pair.until(() => block(pair.b, 0) === 0x33);
    assert.equal(block(pair.a, 63), 0x77, 'the copy went first');
    pair.until(() => first.answer !== undefined && read !== undefined);
    assert.deepEqual([first.answer, read], ['ok', 0x77]);
    assert.ok(!isWhole(pair));
    pair.until(() => isWhole(pair));
    pair.flush(pair.a);
    pair.assertIdentical();
  });

  test('keeps every write of a busy application', () => {
    const pair = begin();
    borrow(pair);
    let answered = 0;
    let begun = 0;
    const step = (): void => {
      const at = (begun * 37) % (BLOCKS - 1);
      begun += 1;
      pair.a.volume.device?.write(at * BLOCK + 512, Buffer.alloc(BLOCK, begun % 251), false, (error) => {
        assert.equal(error, undefined);
        answered += 1;
        if (begun < 1500) step();
      });
    };
    for (let depth = 0; depth < 8; depth += 1) step();
    pair.until(() => answered >= 1500 && isWhole(pair));
    pair.flush(pair.a);
    pair.assertIdentical();
  });

  test('waits for a copy that is just ending, and is promoted like any other then', () => {
    const pair = begin('full', { resyncRate: { minBytesPerSecond: 1 << 30, maxBytesPerSecond: 1 << 30 } });
    pair.until(() => pair.a.volume.status().dirtyBytes > 0);
    pair.until(() => pair.a.volume.status().dirtyBytes === 0);
    borrow(pair);
    const { disk, inSyncSet } = pair.a.volume.status();
    assert.deepEqual([disk, inSyncSet], ['UpToDate', ['a', 'b']]);
    pair.write(pair.a, 7, 0x44);
    pair.flush(pair.a);
    pair.assertIdentical();
  });

  test('is asked for before the copy has begun, or together with the other side', () => {
    const pair = begin();
    pair.b.volume.disconnect('a', () => {});
    pair.b.volume.connect('a', () => {});
    pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connected');
    const both = [ask(pair.a), ask(pair.b)];
    pair.until(() => both.every(({ result }) => result !== undefined));
    const roles = [pair.a, pair.b].map((node) => node.volume.status().role);
    assert.equal(roles.filter((role) => role === 'primary').length, 1, roles.join());
    pair.until(
      () => [pair.a, pair.b].some((node) => node.volume.status().inSyncSet.length === 2) && pair.isEqual(),
    );
    pair.assertIdentical();
  });
});

describe('a replica that serves what it has not got', () => {
  test('is not verified, repaired or resized meanwhile, nor is its source given up', () => {
    const pair = begin();
    borrow(pair);
    pair.b.volume.invalidate((error) => assert.equal(error?.code, 'refused'));
    const problems: (string | undefined)[] = [];
    const note = (error: EterneError | undefined): unknown => problems.push(error?.message);
    for (const { volume } of [pair.a, pair.b]) {
      volume.verify({ fast: false, repair: true }, note);
      volume.resync(undefined, note);
    }
    pair.a.volume.resize(2 * SIZE_BYTES, note);
    assert.equal(problems.length, 5);
    for (const problem of problems) assert.match(problem ?? 'it began', /still to be copied|being copied to/);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  for (const what of ['source', 'link'] as const)
    test(`ends its term and answers nothing when the ${what} is lost half-way, and goes on being copied to`, () => {
      const pair = begin();
      borrow(pair);
      pair.write(pair.a, 500, 0x33);
      pair.flush(pair.a);
      const { device } = pair.a.volume;
      if (what === 'source') pair.b.kill(true);
      else pair.b.volume.disconnect('a', () => {});
      let answer = '';
      device?.read(300 * BLOCK, BLOCK, (error) => (answer = error ?? 'data'));
      pair.until(() => pair.a.volume.status().role === 'secondary' && answer !== '');
      assert.equal(answer, 'ESHUTDOWN');
      assert.equal(pair.a.volume.device, undefined);
      assert.match(refusal(pair).message, /not connected as a source/);
      assert.match(pair.tryPromote(pair.a)?.message ?? '', /Inconsistent/);
      if (what === 'source') pair.b.start();
      else pair.b.volume.connect('a', () => {});
      pair.until(() => peerOf(pair.a)?.replication === 'Established');
      pair.assertIdentical();
      assert.equal(block(pair.a, 500), 0x33);
    });

  test('does not invent what the source cannot read: that is tried again, and the rest is copied', () => {
    const pair = begin();
    borrow(pair);
    const bad = { first: 400 * BLOCK, end: 402 * BLOCK };
    pair.b.data.fault = (how, offset, lengthBytes) =>
      how === 'read' && offset < bad.end && offset + lengthBytes > bad.first
        ? { kind: 'sector', errno: 'EIO', message: 'bad sector' }
        : undefined;
    pair.until(() => block(pair.a, BLOCKS - 1) === 0x77);
    pair.scheduler.runFor(6000);
    assert.deepEqual([block(pair.a, 399), block(pair.a, 400), block(pair.a, 402)], [0x77, 0xaa, 0x77]);
    const { disk, inSyncSet, role } = pair.a.volume.status();
    assert.deepEqual([role, disk, inSyncSet], ['primary', 'Inconsistent', ['b']]);
    assert.equal(pair.a.logs.filter((line) => line.includes('cannot be read elsewhere either')).length, 1);
    let answer = '';
    pair.a.volume.device?.read(bad.first, BLOCK, (error) => (answer = error ?? 'data'));
    pair.until(() => answer !== '');
    assert.equal(answer, 'EIO');
    pair.write(pair.a, 401, 0x19);
    assert.equal(block(pair.a, 401), 0xaa, 'it comes with the copy');
    pair.b.data.fault = () => undefined;
    pair.until(() => isWhole(pair));
    pair.flush(pair.a);
    pair.assertIdentical();
    assert.deepEqual([block(pair.a, 400), block(pair.a, 401)], [0x77, 0x19]);
  });

  test('goes on from its source alone when its own disk fails', () => {
    const pair = begin();
    borrow(pair);
    pair.a.data.failWith = { kind: 'device', errno: 'EIO', message: 'device error' };
    pair.until(() => pair.a.volume.status().disk === 'Failed');
    pair.write(pair.a, 3, 0x55);
    assert.deepEqual([pair.a.volume.status().role, pair.read(pair.a, 500)], ['primary', 0x77]);
    assert.deepEqual([block(pair.b, 3), pair.read(pair.a, 3)], [0x55, 0x55]);
  });

  test('whose disk has no room goes on from its source', () => {
    const pair = begin();
    borrow(pair);
    pair.a.data.fault = (how) =>
      how === 'write' ? { kind: 'logical', errno: 'ENOSPC', message: 'no space left' } : undefined;
    const write = pair.begin(pair.a, 2, 0x66);
    pair.until(() => write.answer !== undefined && pair.a.volume.status().disk === 'Failed');
    assert.equal(write.answer, 'ok');
    pair.write(pair.a, 450, 0x67);
    assert.deepEqual([pair.read(pair.a, 2), pair.read(pair.a, 450)], [0x66, 0x67]);
  });

  test('gives its role back: the source serves, and goes on copying', () => {
    const pair = begin();
    borrow(pair);
    pair.write(pair.a, 9, 0x12);
    pair.demote(pair.a);
    pair.promote(pair.b);
    assert.deepEqual(pair.b.volume.status().inSyncSet, ['b'], 'not with one that lacks blocks');
    assert.equal(pair.read(pair.b, 9), 0x12);
    pair.until(() => pair.isEqual() && pair.b.volume.status().inSyncSet.length === 2);
    pair.flush(pair.b);
    pair.assertIdentical();
  });
});

describe('while a replica serves that is not whole', () => {
  test('it dies at any moment, and nothing that was acknowledged is lost: the source is promoted without force', () => {
    for (let step = 0; step < 18; step += 1) {
      const pair = begin('full', step % 2 === 0 ? {} : { onPeerLost: 'freeze' });
      const asked = ask(pair.a);
      pair.scheduler.runFor(step / 3);
      const write = pair.a.volume.device === undefined ? undefined : pair.begin(pair.a, 100, 0x44);
      pair.scheduler.runFor(step % 5);
      pair.a.kill(true, () => step % 3 === 0);
      pair.until(() => peerOf(pair.b)?.connection !== 'Connected');
      pair.promote(pair.b);
      if (write?.answer === 'ok') assert.equal(pair.read(pair.b, 100), 0x44, `killed after ${step}`);
      assert.ok(step < 15 || asked.result !== undefined, 'by then it serves');
      pair.write(pair.b, 300, 0x55);
      pair.a.start();
      pair.until(() => pair.isEqual() && pair.b.volume.status().inSyncSet.length === 2);
      pair.flush(pair.b);
      pair.assertIdentical();
    }
  });

  test('its source dies at any moment, and comes back: both are equal, with every acknowledged write that was flushed', () => {
    for (let step = 0; step < 18; step += 1) {
      const pair = begin();
      const asked = ask(pair.a);
      pair.scheduler.runFor(step / 3);
      const write = pair.a.volume.device === undefined ? undefined : pair.begin(pair.a, 100, 0x44, 1, true);
      pair.scheduler.runFor(step % 5);
      pair.b.kill(true, () => step % 3 === 0);
      pair.until(() => asked.result !== undefined && pair.a.volume.status().role === 'secondary');
      pair.b.start();
      pair.until(() => peerOf(pair.a)?.replication === 'Established');
      pair.assertIdentical();
      // It is whole now, and the only member of the set is there.
      borrow(pair);
      if (write?.answer === 'ok') assert.equal(pair.read(pair.a, 100), 0x44, `killed after ${step}`);
      assert.equal(pair.read(pair.a, 200), 0x77);
    }
  });

  test('the link flaps at any moment: it is promoted again each time, and in the end both are equal', () => {
    const pair = begin();
    for (let flap = 0; flap < 12; flap += 1) {
      pair.until(() => ['SyncTarget', 'Established'].includes(peerOf(pair.a)?.replication ?? ''));
      borrow(pair);
      const write = pair.begin(pair.a, 7 * flap, flap + 1);
      pair.scheduler.runFor(1 + 2 * flap);
      pair.b.volume.disconnect('a', () => {});
      pair.until(() => pair.a.volume.status().role === 'secondary');
      assert.ok(write.answer !== undefined, 'whatever was asked is answered');
      if (write.answer === 'ok') assert.equal(block(pair.b, 7 * flap), flap + 1);
      pair.b.volume.connect('a', () => {});
    }
    pair.until(() => peerOf(pair.a)?.replication === 'Established');
    pair.assertIdentical();
  });
});

describe('a promotion while the replica is copied to is refused', () => {
  test('where the other side serves, and in asynchronous volumes', () => {
    const pair = new Pair();
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    pair.promote(pair.b, { force: true });
    assert.match(pair.tryPromote(pair.a, { whileCopied: true })?.message ?? '', /b is primary/);
    const lagging = refusal(begin('full', { mode: 'async' }));
    assert.deepEqual([lagging.code, /asynchronous/.test(lagging.message)], ['unsupported', true]);
  });

  test('where the source knows the protocol of before; the copy goes on, and a later one is served from', () => {
    const tool = partclone(USED_BLOCKS, SIZE_BYTES);
    const pair = new Pair({
      diskBytes: SIZE_BYTES,
      config: { initialSync: 'full', sizeBytes: SIZE_BYTES, resyncRate: RATE },
      processes: tool.processes,
    });
    pair.network.altered = speakingAtMost(2);
    fileSystemOf(pair.b, 0x77);
    pair.b.start();
    pair.promote(pair.b, { force: true });
    pair.demote(pair.b);
    pair.a.start();
    pair.until(() => peerOf(pair.a)?.replication === 'SyncTarget');
    const { code, message } = refusal(pair);
    assert.deepEqual([code, message], ['needs-upgrade', 'the Eterne of b is too old to serve from']);
    assert.equal(peerOf(pair.a)?.replication, 'SyncTarget', 'the copy is not disturbed');
    pair.network.altered = (bytes) => bytes;
    pair.b.kill();
    pair.until(() => peerOf(pair.a)?.connection !== 'Connected');
    pair.b.start();
    pair.until(() => peerOf(pair.a)?.replication === 'SyncTarget');
    borrow(pair);
    assert.equal(pair.read(pair.a, 500), 0x77);
    pair.until(() => isWhole(pair));
    pair.assertIdentical();
  });

  test('where a rescue journal keeps the way back from the copy', () => {
    const pair = new Pair({
      diskBytes: SIZE_BYTES,
      diskDelayMs: () => 0.2,
      config: {
        sizeBytes: SIZE_BYTES,
        resyncRate: RATE,
        rescueJournal: { path: 'rescue', maxBytes: 64 << 20, whenFull: 'pause' },
      },
    }).startMirror();
    pair.b.kill();
    pair.write(pair.a, 10, 0x31, 400);
    pair.demote(pair.a);
    pair.b.start();
    pair.until(
      () => peerOf(pair.b)?.replication === 'SyncTarget' && pair.b.volume.status().disk === 'Inconsistent',
    );
    const { code, message } = refusal(pair, pair.b);
    assert.deepEqual([code, /rescue journal/.test(message)], ['refused', true]);
    pair.until(() => peerOf(pair.a)?.replication === 'Established');
    pair.assertIdentical();
  });
});
