import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EterneError } from '@eterne/base';
import type { LastVerify, VerifyRequest } from '../../src/engine/api.ts';
import { BLOCK, Pair, SIZE_BYTES, type TestNode } from './support/pair.ts';
import { peerOf as threePeerOf, threeEqual } from './support/three.ts';

const DIRECT = { fast: false, repair: false };

function begin(node: TestNode, request: VerifyRequest = DIRECT): EterneError | undefined {
  let answer: { error: EterneError | undefined } | undefined;
  node.volume.verify(request, (error) => (answer = { error }));
  assert.ok(answer, 'the answer is immediate');
  return answer.error;
}

/** Runs a verify to its end and returns its figures, which both sides must agree on. */
function verify(pair: Pair, node: TestNode, request: VerifyRequest = DIRECT): LastVerify {
  assert.equal(begin(node, request), undefined);
  const sides = request.fast ? [node] : [pair.a, pair.b];
  pair.until(() => sides.every((side) => progressOf(side) === null && lastOf(side) !== null));
  const last = lastOf(node);
  assert.ok(last);
  return last;
}

const peerOf = (node: TestNode) => {
  const [peer] = node.volume.status().peers;
  assert.ok(peer);
  return peer;
};
const progressOf = (node: TestNode) => peerOf(node).verify;
const lastOf = (node: TestNode) => peerOf(node).lastVerify;

/** Bits flip on the platter behind the mirror's back. */
function rot(node: TestNode, ...blocks: number[]): void {
  for (const block of blocks) node.data.write(block * BLOCK, Buffer.alloc(BLOCK, 0xee));
  node.data.flush(node.data.mark());
}

function filled(config: ConstructorParameters<typeof Pair>[0] = {}): Pair {
  const pair = new Pair(config).startMirror();
  for (let block = 0; block < 4096; block += 64) pair.write(pair.a, block, 1 + (block % 200), 64);
  pair.flush(pair.a);
  return pair;
}

describe('verify', () => {
  test('of equal copies looks at everything and finds nothing', () => {
    const pair = filled();
    const last = verify(pair, pair.a);
    assert.equal(last.isDone, true);
    assert.equal(last.method, 'direct');
    assert.equal(last.checkedBytes, SIZE_BYTES);
    assert.equal(last.differingBytes, 0);
    assert.ok(last.wireBytes >= 4096 * BLOCK, 'every byte that is not zero went over the wire');
    assert.deepEqual({ ...lastOf(pair.b), endedWallMs: 0 }, { ...last, endedWallMs: 0 });
    assert.ok(pair.isEqual());
  });

  test('finds and marks every altered block, and nothing else; a repair heals them', () => {
    const pair = filled({ diskDelayMs: () => 0.2 });
    rot(pair.b, 5, 6, 7, 900, 8191);
    rot(pair.a, 100);
    assert.equal(verify(pair, pair.a).differingBytes, 6 * BLOCK);
    assert.equal(peerOf(pair.a).dirtyBytes, 6 * BLOCK);
    // What is marked is not compared again, but still differs.
    assert.equal(verify(pair, pair.a).differingBytes, 6 * BLOCK);
    pair.a.volume.resync(undefined, (error) => assert.equal(error, undefined));
    pair.until(() => pair.isEqual() && peerOf(pair.a).dirtyBytes === 0);
    assert.deepEqual(pair.a.volume.status().inSyncSet, ['a', 'b'], 'the peer stayed in the set');
    pair.assertIdentical();
    assert.equal(verify(pair, pair.a).differingBytes, 0);
  });

  test('repairs at once when asked to, also when asked on the secondary', () => {
    const pair = filled();
    rot(pair.b, 77);
    assert.equal(begin(pair.b, { fast: false, repair: true }), undefined);
    pair.until(() => lastOf(pair.b) !== null && pair.isEqual() && peerOf(pair.a).dirtyBytes === 0);
    assert.equal(lastOf(pair.b)?.differingBytes, BLOCK);
    pair.assertIdentical();
  });

  test('by digests sends a fraction, and bytes only where digests differ', () => {
    const pair = filled({ config: { mode: 'async' } });
    const clean = verify(pair, pair.a);
    assert.equal(clean.method, 'digest');
    assert.ok(clean.wireBytes < SIZE_BYTES / 100, `${clean.wireBytes} bytes`);
    rot(pair.b, 12);
    const last = verify(pair, pair.a);
    assert.equal(last.differingBytes, BLOCK);
    assert.ok(last.wireBytes < SIZE_BYTES / 50, `${last.wireBytes} bytes`);
  });

  test('raises no false alarm while the volume is written to', () => {
    let seed = 7;
    const next = (bound: number): number => (seed = (seed * 48_271) % 2_147_483_647) % bound;
    const pair = filled({ diskDelayMs: () => next(10) / 10, config: { mode: 'sync' } });
    assert.equal(begin(pair.a), undefined);
    let written = 0;
    while (progressOf(pair.a) !== null) {
      const writes = Array.from({ length: 16 }, () => pair.begin(pair.a, next(4000), next(256), 1 + next(8)));
      pair.until(() => writes.every(({ answer }) => answer === 'ok'));
      written += 16;
    }
    assert.ok(written > 100, `${written} writes during the verify`);
    assert.equal(lastOf(pair.a)?.isDone, true);
    assert.equal(lastOf(pair.a)?.differingBytes, 0);
    pair.assertIdentical();
  });

  test('keeps its hands off blocks that application writes reach during a repair', () => {
    const pair = filled({ diskDelayMs: () => 0.3 });
    rot(pair.b, ...Array.from({ length: 64 }, (_, index) => 512 + index));
    verify(pair, pair.a);
    pair.a.volume.resync(undefined, () => {});
    const writes = Array.from({ length: 64 }, (_, index) => pair.begin(pair.a, 512 + index, 0x5a));
    pair.until(() => writes.every(({ answer }) => answer === 'ok') && peerOf(pair.a).dirtyBytes === 0);
    pair.assertIdentical();
    assert.equal(pair.b.data.content[512 * BLOCK], 0x5a);
  });

  test('that loses its connection says so, and what it had marked is copied at the next meeting', () => {
    const pair = filled({ diskDelayMs: () => 0.5 });
    rot(pair.b, 3);
    assert.equal(begin(pair.a), undefined);
    pair.until(() => peerOf(pair.a).dirtyBytes > 0);
    pair.b.kill();
    pair.until(() => lastOf(pair.a) !== null);
    assert.equal(lastOf(pair.a)?.isDone, false);
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('ends when the roles change, and can begin again on the new primary', () => {
    const pair = filled({ diskDelayMs: () => 0.5 });
    assert.equal(begin(pair.a), undefined);
    pair.demote(pair.a);
    pair.promote(pair.b);
    pair.write(pair.b, 1, 0x42);
    pair.until(() => progressOf(pair.a) === null && progressOf(pair.b) === null);
    assert.equal(lastOf(pair.a)?.isDone, false);
    assert.equal(verify(pair, pair.b).differingBytes, 0);
  });

  test('fast goes by bitmaps and generations', () => {
    const pair = filled();
    const clean = verify(pair, pair.a, { fast: true, repair: false });
    assert.deepEqual([clean.method, clean.differingBytes], ['fast', 0]);
    assert.ok(clean.wireBytes < 1000);
    pair.b.kill();
    pair.write(pair.a, 9, 9, 2);
    assert.equal(begin(pair.a, { fast: true, repair: false }), undefined);
    assert.equal(lastOf(pair.a)?.differingBytes, 2 * BLOCK);
  });

  test('is refused twice at once, and without a connection', () => {
    const pair = filled({ diskDelayMs: () => 0.5 });
    assert.equal(begin(pair.a), undefined);
    assert.equal(begin(pair.a)?.code, 'busy');
    pair.b.kill();
    pair.until(() => peerOf(pair.a).connection === 'Connecting');
    assert.equal(begin(pair.a)?.code, 'unreachable');
  });
});

test('a scheduled verify begins by itself, on the primary, and repairs when told to', () => {
  const pair = filled({ config: { verify: { schedule: '* * * * *', repair: true } } });
  rot(pair.b, 9);
  pair.until(() => lastOf(pair.a)?.differingBytes === BLOCK && pair.isEqual(), 200_000);
  pair.assertIdentical();
});

describe('invalidate', () => {
  test('is refused where the primary has no disk: what it serves is here alone', () => {
    const pair = new Pair().startMirror();
    pair.a.data.failWith = { kind: 'device', errno: 'EIO', message: 'device error' };
    pair.write(pair.a, 3, 0x31);
    pair.until(() => pair.b.volume.status().inSyncSet.join() === 'b');
    let code: string | undefined;
    pair.b.volume.invalidate((error) => (code = error?.code));
    assert.equal(code, 'refused');
    assert.equal(pair.read(pair.a, 3), 0x31);
  });

  test('is refused also where the primary has just lost its disk, and this replica has not heard of it', () => {
    const pair = new Pair({ diskDelayMs: () => 1 }).startMirror();
    pair.network.latencyMs = 5;
    pair.a.data.failWith = { kind: 'device', errno: 'EIO', message: 'device error' };
    const write = pair.begin(pair.a, 3, 0x31);
    pair.until(() => pair.b.data.content[3 * BLOCK] === 0x31);
    pair.scheduler.runFor(0.5);
    assert.deepEqual(
      [pair.a, pair.b].map(({ volume }) => volume.status().inSyncSet.join()),
      ['b', 'a,b'],
    );
    let answer: string | undefined;
    pair.b.volume.invalidate((error) => (answer = error?.message ?? 'ok'));
    pair.until(() => answer !== undefined, 15_000);
    assert.deepEqual(
      [write.answer, answer],
      ['ok', 'nothing was given up: a did not come back with good data to copy from'],
    );
    pair.promote(pair.b);
    assert.equal(pair.read(pair.b, 3), 0x31);
  });

  test('is refused where only peers outside the in-sync set are there, whatever they say of themselves', () => {
    const { a, b, c, mesh, register } = threeEqual();
    b.kill();
    mesh.until(() => register.set.members.join() === 'a,c');
    mesh.write(a, 3, 0x31);
    mesh.flush(a);
    for (const node of [a, c]) node.kill();
    for (const node of [a, b]) node.start();
    mesh.until(() => threePeerOf(a, 'b').connection === 'Connected');
    assert.equal(threePeerOf(a, 'b').replication, 'Off');
    let code: string | undefined;
    a.volume.invalidate((error) => (code = error?.code ?? 'given up'));
    mesh.scheduler.runFor(100);
    assert.equal(code, 'refused');
    register.promote(mesh, a, [a]);
    assert.equal(mesh.read(a, 3), 0x31);
  });

  test('gives way to a promotion, and is refused twice at once', () => {
    const pair = filled();
    const answers: (string | undefined)[] = [];
    for (const _ of [1, 2]) pair.b.volume.invalidate((error) => answers.push(error?.message));
    pair.a.kill();
    assert.deepEqual(answers, ['it is being invalidated already']);
    const { setVersion, term } = pair.b.volume.status();
    const set = { version: setVersion + 1, members: ['b'] };
    pair.promote(pair.b, { granted: { term: { number: term + 1, grantor: 'cluster' }, set } });
    assert.deepEqual(answers.slice(1), ['nothing was given up: this replica is promoted']);
  });

  test('has everything copied to a secondary', () => {
    const pair = filled();
    rot(pair.b, 1, 2, 3);
    let answer: { error: EterneError | undefined } | undefined;
    pair.b.volume.invalidate((error) => (answer = { error }));
    pair.until(() => answer !== undefined);
    assert.equal(answer?.error, undefined);
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    pair.assertIdentical();
    assert.equal(peerOf(pair.b).resync.toSyncBytes, SIZE_BYTES);
  });

  test('keeps the replica from being promoted until everything was copied to it', () => {
    const pair = filled();
    let isDone = false;
    pair.b.volume.invalidate((error) => (isDone = error === undefined));
    pair.until(() => isDone);
    pair.a.kill();
    const { setVersion, term } = pair.b.volume.status();
    const set = { version: setVersion + 1, members: ['b'] };
    const granted = { term: { number: term + 1, grantor: 'cluster' }, set };
    assert.match(pair.tryPromote(pair.b, { granted })?.message ?? '', /was given up/);
  });

  test('is refused on the primary, and where there is nothing to copy from', () => {
    const pair = filled();
    const refusal = (node: TestNode): string | undefined => {
      let code: string | undefined;
      node.volume.invalidate((error) => (code = error?.code));
      return code;
    };
    assert.equal(refusal(pair.a), 'refused');
    pair.a.kill();
    pair.until(() => peerOf(pair.b).connection === 'Connecting');
    assert.equal(refusal(pair.b), 'refused');
  });
});
