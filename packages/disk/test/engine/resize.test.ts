import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EterneError } from '@eterne/base';
import { Mesh, type TestNode } from './support/mesh.ts';
import { BLOCK, Pair, SIZE_BYTES } from './support/pair.ts';

const LARGER_BYTES = SIZE_BYTES + 8 * 1024 * 1024;
const OLD_END = SIZE_BYTES / BLOCK;
const NEW_END = LARGER_BYTES / BLOCK;

interface Outcome {
  error: EterneError | undefined;
}

function begin(node: TestNode, sizeBytes = LARGER_BYTES): { outcome: Outcome | undefined } {
  const result: { outcome: Outcome | undefined } = { outcome: undefined };
  node.volume.resize(sizeBytes, (error) => (result.outcome = { error }));
  return result;
}

function resize(mesh: Mesh, node: TestNode, sizeBytes = LARGER_BYTES): EterneError | undefined {
  const result = begin(node, sizeBytes);
  mesh.until(() => result.outcome !== undefined);
  return result.outcome?.error;
}

const sizeOf = (node: TestNode): number => node.volume.status().sizeBytes;
const isDelayed = { diskDelayMs: () => 0.3 };

for (const mode of ['sync', 'async'] as const)
  describe(`a ${mode} volume that grows`, () => {
    test('takes writes behind its old end, which every replica has', () => {
      const pair = new Pair({ config: { mode }, ...isDelayed }).startMirror();
      pair.write(pair.a, OLD_END - 1, 1);
      assert.equal(resize(pair, pair.a), undefined);
      assert.equal(pair.a.volume.device?.sizeBytes, LARGER_BYTES);
      assert.deepEqual([sizeOf(pair.a), sizeOf(pair.b)], [LARGER_BYTES, LARGER_BYTES]);
      pair.write(pair.a, OLD_END - 1, 2, 2);
      pair.write(pair.a, NEW_END - 1, 3);
      assert.equal(pair.read(pair.a, OLD_END), 2);
      assert.equal(pair.read(pair.a, OLD_END + 1), 0);
      pair.until(() => pair.a.volume.status().peers[0]?.lagBytes === 0);
      pair.flush(pair.a);
      pair.assertIdentical();
    });

    test('shows its size after a restart of both, whatever the configuration says', () => {
      const pair = new Pair({ config: { mode }, ...isDelayed }).startMirror();
      assert.equal(resize(pair, pair.a), undefined);
      pair.write(pair.a, NEW_END - 1, 3);
      pair.flush(pair.a);
      for (const node of pair.nodes) node.kill(true);
      for (const node of pair.nodes) node.start();
      assert.deepEqual([sizeOf(pair.a), sizeOf(pair.b)], [LARGER_BYTES, LARGER_BYTES]);
      assert.ok(
        pair.a.logs.some((line) => line.includes(`has ${LARGER_BYTES} bytes, its configuration says`)),
      );
      pair.until(() => pair.isConnected());
      pair.promote(pair.a, { force: true });
      assert.equal(pair.read(pair.a, NEW_END - 1), 3);
    });
  });

describe('growing', () => {
  test('goes on beside writes, and switches over', () => {
    const pair = new Pair(isDelayed).startMirror();
    const result = begin(pair.a);
    for (let block = 0; result.outcome === undefined; block += 1) {
      pair.write(pair.a, block % OLD_END, 7);
      assert.ok(block < 10_000, 'it ends');
    }
    assert.equal(result.outcome.error, undefined);
    pair.demote(pair.a);
    pair.promote(pair.b);
    assert.equal(pair.b.volume.device?.sizeBytes, LARGER_BYTES);
    pair.until(() => pair.isEqual());
    pair.write(pair.b, NEW_END - 1, 4);
    pair.flush(pair.b);
    pair.assertIdentical();
  });

  test('keeps checksums of what was written behind its old end', () => {
    const far = SIZE_BYTES + 600 * 1024 * 1024;
    const end = far / BLOCK;
    const pair = new Pair({ config: { checksums: 'crc32c' }, ...isDelayed }).startMirror();
    for (const node of pair.nodes) node.data.grow(far);
    assert.equal(resize(pair, pair.a, far), undefined);
    for (const block of [OLD_END, end - 1]) pair.write(pair.a, block, 7);
    pair.a.data.content.fill(0xee, far - 10);
    assert.equal(pair.read(pair.a, end - 1), 7, 'the peer has it');
    pair.until(() => pair.a.data.content[far - 1] === 7);
    assert.ok((pair.a.volume.status().checksumErrors ?? 0) > 0);
    assert.equal(pair.read(pair.a, end - 2), 0);
    pair.assertIdentical();
  });

  test('zeroes what a device had behind the old end', () => {
    const pair = new Pair().startMirror();
    for (const [index, node] of pair.nodes.entries()) {
      node.data.grow(LARGER_BYTES);
      node.data.content.fill(0xa0 + index, SIZE_BYTES);
    }
    assert.equal(resize(pair, pair.a), undefined);
    assert.equal(pair.read(pair.a, OLD_END), 0);
    assert.equal(pair.read(pair.a, NEW_END - 1), 0);
    pair.assertIdentical();
  });

  test('is refused for a smaller size, an odd one, and where this node is no primary', () => {
    const pair = new Pair().startMirror();
    const smaller = resize(pair, pair.a, SIZE_BYTES - BLOCK);
    assert.equal(smaller?.code, 'refused');
    assert.match(smaller.message, /cut off the last 4096/);
    assert.equal(resize(pair, pair.a, LARGER_BYTES + 512)?.code, 'usage');
    assert.equal(resize(pair, pair.b)?.code, 'not-primary');
    assert.equal(resize(pair, pair.a, SIZE_BYTES), undefined);
    assert.deepEqual([sizeOf(pair.a), sizeOf(pair.b)], [SIZE_BYTES, SIZE_BYTES]);
  });

  test('changes nothing when one replica has no room', () => {
    const pair = new Pair().startMirror();
    pair.b.data.capacityBytes = SIZE_BYTES;
    const error = resize(pair, pair.a);
    assert.match(error?.message ?? '', /the disk of b cannot grow/);
    assert.deepEqual([sizeOf(pair.a), sizeOf(pair.b)], [SIZE_BYTES, SIZE_BYTES]);
    assert.equal(pair.a.volume.device?.sizeBytes, SIZE_BYTES);
    pair.b.data.capacityBytes = LARGER_BYTES;
    assert.equal(resize(pair, pair.a), undefined, 'nor is anything in the way of another try');
  });

  test('zeroes a disk that took the place of the one that had been made ready', () => {
    const pair = new Pair(isDelayed).startMirror();
    pair.b.data.capacityBytes = SIZE_BYTES;
    assert.match(resize(pair, pair.a)?.message ?? '', /the disk of b cannot grow/);
    pair.a.data.failWith = { kind: 'device', errno: 'EIO', message: 'the disk is gone' };
    pair.write(pair.a, 1, 1);
    pair.a.data.failWith = undefined;
    pair.a.data.content = Buffer.alloc(LARGER_BYTES, 0xee);
    let attached: string | undefined;
    pair.a.volume.attach({ replaced: true }, (error) => (attached = error?.message ?? 'ok'));
    pair.until(() => attached === 'ok' && pair.a.volume.status().inSyncSet.length === 2);
    pair.b.data.capacityBytes = LARGER_BYTES;
    assert.equal(resize(pair, pair.a), undefined);
    assert.equal(pair.read(pair.a, OLD_END), 0);
    pair.assertIdentical();
  });

  test('waits for a member of the set that is away, and for a copy', () => {
    const pair = new Pair({ config: { onPeerLost: 'freeze' } }).startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connecting');
    assert.match(resize(pair, pair.a)?.message ?? '', /b belongs to the in-sync set/);
    pair.b.start();
    pair.until(() => pair.isEqual());
    assert.equal(resize(pair, pair.a), undefined);
  });

  test('waits for a copy from its first moment on', () => {
    let refused = 0;
    for (let steps = 0, isWhole = false; !isWhole; steps = 2 * steps + 1) {
      const pair = new Pair(isDelayed).startMirror();
      pair.b.kill(true);
      pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
      pair.write(pair.a, 1, 1);
      pair.b.start();
      pair.until(() => pair.a.volume.status().peers[0]?.connection === 'Connected');
      runEvents(pair, steps);
      isWhole = pair.isEqual();
      if (resize(pair, pair.a) !== undefined) refused += 1;
      pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
      assert.equal(sizeOf(pair.a), sizeOf(pair.b), `after ${steps} steps`);
      pair.assertIdentical(sizeOf(pair.a));
    }
    assert.ok(refused > 3, `it was refused ${refused} times`);
  });

  test('reaches a replica that was absent at its handshake, with what was written meanwhile', () => {
    const pair = new Pair(isDelayed).startMirror();
    pair.b.kill(true);
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    assert.equal(resize(pair, pair.a), undefined);
    pair.write(pair.a, OLD_END + 5, 8, 3);
    pair.b.start();
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    assert.equal(sizeOf(pair.b), LARGER_BYTES);
    pair.assertIdentical();
  });

  test('moves metadata that lies behind the volume out of its way, beside writes', () => {
    const pair = new Pair(isDelayed);
    // The other one has its metadata elsewhere.
    pair.a.keepMetadataBehindData();
    pair.startMirror();
    for (const sizeBytes of [LARGER_BYTES, LARGER_BYTES + BLOCK, LARGER_BYTES + 40 * 1024 * 1024]) {
      const result = begin(pair.a, sizeBytes);
      for (let block = 0; result.outcome === undefined; block += 1) {
        pair.write(pair.a, block % OLD_END, 7);
        assert.ok(block < 10_000, 'it ends');
      }
      assert.equal(result.outcome.error, undefined);
      assert.equal(pair.read(pair.a, sizeBytes / BLOCK - 1), 0);
      pair.write(pair.a, sizeBytes / BLOCK - 1, 3);
    }
    const size = sizeOf(pair.a);
    pair.flush(pair.a);
    pair.assertIdentical(size);
    for (const node of pair.nodes) node.kill(true);
    for (const node of pair.nodes) node.start();
    pair.until(() => pair.isConnected());
    pair.promote(pair.b, { force: true });
    pair.until(() => pair.isEqual());
    assert.deepEqual([sizeOf(pair.a), sizeOf(pair.b)], [size, size]);
    assert.equal(pair.read(pair.b, size / BLOCK - 1), 3);
    pair.assertIdentical(size);
  });

  test('says how much room a device lacks for the volume and its metadata', () => {
    const pair = new Pair();
    for (const node of pair.nodes) node.keepMetadataBehindData();
    pair.startMirror();
    pair.b.data.capacityBytes = pair.b.data.sizeBytes;
    assert.match(resize(pair, pair.a)?.message ?? '', /the disk of b cannot grow: .*full/);
    pair.b.data.capacityBytes = Number.POSITIVE_INFINITY;
    assert.equal(resize(pair, pair.a), undefined);
    pair.write(pair.a, NEW_END - 1, 3);
    pair.flush(pair.a);
    pair.assertIdentical(LARGER_BYTES);
  });

  test('brings three replicas to one size, though one was away', () => {
    const mesh = new Mesh(['a', 'b', 'c'], isDelayed);
    const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
    for (const node of mesh.nodes) node.start();
    mesh.until(() => mesh.nodes.every(({ volume }) => volume.status().peers.every(isConnected)));
    mesh.promote(a, { force: true });
    mesh.until(() => a.volume.status().inSyncSet.length === 3);
    c.kill();
    mesh.until(() => a.volume.status().inSyncSet.length === 2);
    assert.equal(resize(mesh, a), undefined);
    mesh.write(a, NEW_END - 4, 9, 4);
    c.start();
    mesh.until(() => a.volume.status().inSyncSet.length === 3);
    mesh.flush(a);
    mesh.assertIdentical();
    mesh.demote(a);
    mesh.until(() => b.volume.status().disk === 'UpToDate');
    mesh.promote(b);
    mesh.until(() => b.volume.status().inSyncSet.length === 3);
    mesh.write(b, NEW_END - 4, 10, 4);
    mesh.flush(b);
    mesh.assertIdentical();
  });
});

describe('of three, one that has grown and does not know whether the others have', () => {
  const term = { number: 9, grantor: 'cluster' };
  const promoteIn = (mesh: Mesh, node: TestNode, ...members: string[]): EterneError | undefined =>
    mesh.tryPromote(node, { granted: { term, set: { version: 20, members } }, withoutLease: true });

  function three(onPeerLost: 'continue' | 'freeze' = 'freeze'): {
    mesh: Mesh;
    a: TestNode;
    b: TestNode;
    c: TestNode;
  } {
    const mesh = new Mesh(['a', 'b', 'c'], { config: { onPeerLost }, ...isDelayed });
    const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
    for (const node of mesh.nodes) node.start();
    mesh.until(() => mesh.nodes.every(({ volume }) => volume.status().peers.every(isConnected)));
    mesh.promote(a, { force: true });
    mesh.until(() => a.volume.status().inSyncSet.length === 3);
    return { mesh, a, b, c };
  }

  /** The primary has not grown, as the superblock of another one could not be written. */
  function cutShortBeside(onPeerLost?: 'continue'): {
    mesh: Mesh;
    primary: TestNode;
    grown: TestNode;
    other: TestNode;
  } {
    const { a: primary, b: grown, c: other, mesh } = three(onPeerLost);
    const isSuperblock = (what: string, offset: number): boolean => what === 'write' && offset < 2 * BLOCK;
    const result = begin(primary);
    mesh.until(() => mesh.nodes.every(({ data }) => data.sizeBytes === LARGER_BYTES));
    other.metadata.fault = (what, offset) =>
      isSuperblock(what, offset) ? { kind: 'device', errno: 'EIO', message: 'broken' } : undefined;
    mesh.until(() => result.outcome !== undefined && sizeOf(grown) === LARGER_BYTES);
    assert.match(result.outcome?.error?.message ?? '', /c was lost meanwhile/);
    other.kill(true);
    other.metadata.fault = () => undefined;
    return { mesh, primary, grown, other };
  }

  /** The others are dead. */
  function cutShort(): { mesh: Mesh; grown: TestNode; other: TestNode } {
    const { mesh, primary, grown, other } = cutShortBeside();
    primary.kill(true);
    mesh.until(() => !grown.volume.status().peers.some(isConnected));
    return { mesh, grown, other };
  }

  test('serves when the member that is smaller has grown, also after a restart', () => {
    const { mesh, grown, other } = cutShort();
    const members = ['b', 'c'];
    assert.match(promoteIn(mesh, grown, ...members)?.message ?? '', /cut short/);
    grown.kill(true);
    grown.start();
    assert.match(promoteIn(mesh, grown, ...members)?.message ?? '', /cut short/);
    other.start();
    mesh.until(() => grown.volume.status().peers.some(isConnected));
    assert.equal(promoteIn(mesh, grown, ...members), undefined);
    assert.deepEqual([grown.volume.device?.sizeBytes, sizeOf(other)], [LARGER_BYTES, LARGER_BYTES]);
  });

  test('serves at once where the other is no member', () => {
    const { mesh, grown } = cutShort();
    assert.equal(promoteIn(mesh, grown, grown.name), undefined);
    assert.equal(grown.volume.device?.sizeBytes, LARGER_BYTES);
  });

  test('serves less while nobody has shown more, when the other one is promoted', () => {
    const { mesh, grown, other } = cutShort();
    grown.kill(true);
    other.start();
    assert.equal(promoteIn(mesh, other, 'b', 'c'), undefined);
    assert.equal(other.volume.device?.sizeBytes, SIZE_BYTES);
    grown.start();
    mesh.until(() => other.volume.device?.sizeBytes === LARGER_BYTES);
  });

  test('is followed by its primary as soon as the set is without the one that was lost', () => {
    const { mesh, primary, grown } = cutShortBeside('continue');
    mesh.until(() => primary.volume.device?.sizeBytes === LARGER_BYTES);
    assert.deepEqual(primary.volume.status().inSyncSet, ['a', 'b']);
    mesh.write(primary, NEW_END - 1, 1);
    assert.equal(grown.data.content[LARGER_BYTES - 1], 1);
  });

  test('is followed by its primary when the member that was lost is back', () => {
    const { mesh, primary, other } = cutShortBeside();
    mesh.scheduler.runFor(3_000);
    assert.equal(primary.volume.device?.sizeBytes, SIZE_BYTES);
    // It meets nobody who is larger.
    mesh.network.cut('b', 'c');
    other.start();
    mesh.until(() => primary.volume.device?.sizeBytes === LARGER_BYTES);
    assert.deepEqual([primary, other].map(sizeOf), [LARGER_BYTES, LARGER_BYTES]);
    assert.equal(primary.volume.status().inSyncSet.length, 3);
  });

  test('knows it from then on that a primary shows it', () => {
    const { a, b, c, mesh } = three();
    assert.equal(resize(mesh, a), undefined);
    mesh.write(a, 1, 1);
    mesh.flush(a);
    for (const node of [a, c]) node.kill(true);
    mesh.until(() => !b.volume.status().peers.some(isConnected));
    assert.equal(promoteIn(mesh, b, 'a', 'b', 'c'), undefined);
    assert.equal(b.volume.device?.sizeBytes, LARGER_BYTES);
  });
});

const isConnected = ({ connection }: { connection: string }): boolean => connection === 'Connected';

/** Runs until the `count`-th event from now on. */
function runEvents(pair: Pair, count: number): void {
  let left = count;
  pair.scheduler.runUntil(() => left-- <= 0, 5_000);
}

describe('a crash while it grows', () => {
  /** Who dies, with or without power. The first three together try nearly every step. */
  const accidents = [
    { name: 'the primary', who: ['a'], power: false, stride: 3, internal: [] },
    { name: 'the peer, by a power cut', who: ['b'], power: true, stride: 3, internal: [] },
    { name: 'both, by a power cut', who: ['a', 'b'], power: true, stride: 3, internal: [] },
    {
      name: 'both, their metadata on the way',
      who: ['a', 'b'],
      power: true,
      stride: 17,
      internal: ['a', 'b'],
    },
    { name: 'the primary, its metadata on the way', who: ['a'], power: true, stride: 29, internal: ['a'] },
  ] as const;

  for (const [first, { internal, name, power, stride, who }] of accidents.entries())
    test(`of ${name}, at any step: the sizes meet, and what was answered holds`, () => {
      let steps = first;
      for (let isOver = false; !isOver; steps += stride) {
        assert.ok(steps < 600, 'growing takes a bounded number of steps');
        const pair = new Pair(isDelayed);
        for (const node of internal) pair[node].keepMetadataBehindData();
        pair.startMirror();
        pair.write(pair.a, OLD_END - 1, 1);
        pair.flush(pair.a);
        const result = begin(pair.a);
        runEvents(pair, steps);
        isOver = result.outcome !== undefined;
        const wasShown = pair.a.volume.device?.sizeBytes === LARGER_BYTES;
        if (wasShown) {
          pair.write(pair.a, NEW_END - 1, 5);
          pair.flush(pair.a);
        }
        for (const node of who) pair[node].kill(power);
        if ((who as readonly string[]).includes('a')) goOn(pair, who.length === 2 ? pair.a : pair.b);
        for (const node of pair.nodes) if (!node.isUp) node.start();
        const primary = pair.nodes.find(({ volume }) => volume.device !== undefined) ?? pair.a;
        pair.until(() => pair.isEqual() && primary.volume.status().inSyncSet.length === 2, 30_000);
        const sizes = pair.nodes.map(sizeOf);
        assert.equal(sizes[0], sizes[1], `after ${steps} steps`);
        assert.equal(primary.volume.device?.sizeBytes, sizes[0]);
        if (wasShown) assert.equal(sizes[0], LARGER_BYTES, `after ${steps} steps it was shown`);
        if (wasShown) assert.equal(pair.read(primary, NEW_END - 1), 5);
        assert.equal(pair.read(primary, OLD_END - 1), 1);
        assert.equal(resize(pair, primary), undefined, 'it can be done again, or is done');
        pair.write(primary, NEW_END - 2, 6, 2);
        pair.flush(primary);
        pair.assertIdentical(LARGER_BYTES);
      }
      assert.ok(steps > 20, `${steps} steps were gone through`);
    });

  function goOn(pair: Pair, next: TestNode): void {
    for (const node of pair.nodes) if (!node.isUp && node === next) node.start();
    pair.until(() => next.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(next, { force: true });
  }
});
