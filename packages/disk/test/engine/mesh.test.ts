import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK, Mesh, type TestNode } from './support/mesh.ts';
import { Register } from './support/register.ts';
import { isWhole, peerOf, threeEqual } from './support/three.ts';

describe('three replicas', () => {
  test('every write is on all of them before it is answered', () => {
    const { mesh, a } = threeEqual();
    mesh.write(a, 5, 1);
    mesh.assertIdentical();
    assert.equal(a.data.content[5 * 4096], 1);
  });

  test('secondaries are connected with each other, as equals', () => {
    const { mesh, b } = threeEqual();
    mesh.until(() => peerOf(b, 'c').replication === 'Established');
  });

  test('the primary dies with a write on one survivor only: the survivors become equal', () => {
    for (const survivor of ['b', 'c'] as const) {
      const three = threeEqual({ diskDelayMs: () => 0.5 });
      const { mesh, register, a, b, c } = three;
      mesh.write(a, 7, 1);
      mesh.flush(a);
      mesh.network.cut('a', 'c');
      const write = mesh.begin(a, 7, 2);
      mesh.scheduler.runFor(20);
      assert.equal(write.answer, undefined);
      assert.deepEqual([b.data.content[7 * 4096], c.data.content[7 * 4096]], [2, 1]);
      a.kill();
      const [heir, other] = survivor === 'b' ? [b, c] : [c, b];
      mesh.until(() => peerOf(heir, 'a').connection === 'Connecting');
      mesh.network.heal('a', 'c');
      register.promote(mesh, heir, [b, c]);
      mesh.until(
        () => register.set.members.length === 2 && peerOf(heir, other.name).replication === 'Established',
      );
      assert.equal(b.data.content[7 * 4096], c.data.content[7 * 4096]);
      a.start();
      mesh.until(() => isWhole(three));
      mesh.assertIdentical();
    }
  });

  test('a member that is lost while the loss of another is undecided is not met, and so not overwritten, before its own is', () => {
    const { mesh, register, a, b, c } = threeEqual({ diskDelayMs: () => 0.5 });
    const held: (() => void)[] = [];
    const answer = register.propose.bind(register);
    register.propose = (proposal, done) => held.push(() => answer(proposal, done));
    mesh.network.cut('a', 'b');
    mesh.network.cut('a', 'c');
    const write = mesh.begin(a, 7, 2);
    mesh.until(
      () => peerOf(a, 'b').connection === 'Connecting' && peerOf(a, 'c').connection === 'Connecting',
    );
    assert.equal(held.length, 1);
    mesh.network.heal('a', 'b');
    mesh.network.heal('a', 'c');
    for (let ms = 0; ms < 3000; ms += 1) {
      mesh.scheduler.runFor(1);
      for (const node of [b, c]) assert.notEqual(node.volume.status().disk, 'Inconsistent');
    }
    register.propose = answer;
    held[0]?.();
    mesh.until(() => write.answer === 'ok' && register.set.members.length === 3);
    mesh.assertIdentical();
  });

  test('and so do they when all lost power, and only the survivors come back', () => {
    const three = threeEqual({ diskDelayMs: () => 0.5 });
    const { mesh, register, a, b, c } = three;
    mesh.write(a, 7, 1);
    mesh.flush(a);
    mesh.network.cut('a', 'c');
    mesh.begin(a, 7, 2);
    mesh.scheduler.runFor(20);
    for (const node of mesh.nodes) node.kill();
    mesh.network.heal('a', 'c');
    b.start();
    c.start();
    mesh.until(() => peerOf(b, 'c').connection === 'Connected');
    register.promote(mesh, c, [b, c]);
    mesh.until(() => register.set.members.length === 2 && peerOf(c, 'b').replication === 'Established');
    assert.equal(b.data.content[7 * 4096], c.data.content[7 * 4096]);
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('a survivor knows what the absent one lacks', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    c.kill();
    mesh.until(() => register.set.members.length === 2);
    mesh.write(a, 100, 3);
    mesh.write(a, 900, 4);
    mesh.flush(a);
    a.kill();
    mesh.until(() => peerOf(b, 'a').connection === 'Connecting');
    register.promote(mesh, b, [b]);
    mesh.write(b, 1500, 5);
    c.start();
    mesh.until(() => register.set.members.length === 2);
    const { resync } = peerOf(b, 'c');
    assert.equal(resync.kind, 'bitmap');
    assert.ok(resync.toSyncBytes <= 8 * 4096, `${resync.toSyncBytes} bytes are few`);
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('a replica that was copied to knows what a third one lacks', () => {
    const three = threeEqual();
    const { mesh, register, a, b, c } = three;
    c.kill();
    mesh.until(() => register.set.members.length === 2);
    mesh.write(a, 100, 3);
    b.kill();
    mesh.until(() => register.set.members.length === 1);
    mesh.write(a, 200, 4);
    b.start();
    mesh.until(() => register.set.members.length === 2);
    a.kill();
    mesh.until(() => peerOf(b, 'a').connection === 'Connecting');
    register.promote(mesh, b, [b]);
    c.start();
    mesh.until(() => register.set.members.length === 2);
    assert.equal(peerOf(b, 'c').resync.kind, 'bitmap');
    a.start();
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
  });

  test('a replica that was copied to knows what a third one was sent while that was copied to, and never had', () => {
    const three = threeEqual({ diskDelayMs: () => 0.5 });
    const { mesh, register, a, b, c } = three;
    b.kill();
    c.kill();
    mesh.until(() => register.set.members.length === 1);
    mesh.write(a, 0, 3, 2048);
    c.start();
    mesh.until(() => peerOf(a, 'c').replication === 'SyncSource');
    mesh.until(() => peerOf(a, 'c').resync.syncedBytes > 0);
    mesh.network.cut('a', 'c');
    mesh.write(a, 5000, 4);
    b.start();
    mesh.until(() => peerOf(a, 'b').replication === 'Established');
    assert.equal(peerOf(a, 'c').replication, 'SyncSource');
    mesh.until(() => peerOf(a, 'c').connection === 'Connecting' && register.set.members.length === 2);
    mesh.flush(a);
    mesh.demote(a);
    register.promote(mesh, b, [a, b]);
    mesh.network.heal('a', 'c');
    mesh.until(() => isWhole(three));
    assert.equal(c.data.content[5000 * BLOCK], 4);
    mesh.assertIdentical();
  });

  test('a generation minted while a target finishes reaches it: no full copy later', () => {
    for (let delayMs = 0; delayMs < 8; delayMs += 0.25) {
      const three = threeEqual({ diskDelayMs: () => 0.5 });
      const { mesh, register, a, b, c } = three;
      b.kill();
      mesh.until(() => register.set.members.length === 2);
      mesh.write(a, 1, 1);
      b.start();
      mesh.until(() => peerOf(a, 'b').replication === 'SyncSource');
      mesh.scheduler.runFor(delayMs);
      c.kill();
      mesh.until(() => !register.set.members.includes('c'));
      mesh.write(a, 2, 2);
      mesh.until(() => register.set.members.includes('b'));
      mesh.scheduler.runFor(100);
      b.kill();
      mesh.until(() => !register.set.members.includes('b'));
      mesh.write(a, 3, 3);
      b.start();
      c.start();
      mesh.until(() => isWhole(three));
      assert.equal(peerOf(a, 'b').resync.kind, 'bitmap', `minted ${delayMs} ms after the copy began`);
      assert.equal(peerOf(a, 'c').resync.kind, 'bitmap');
      mesh.assertIdentical();
    }
  });

  test('a newer term ends the session with the older primary', () => {
    const three = threeEqual();
    const { mesh, register, a, b } = three;
    mesh.write(a, 1, 1);
    mesh.network.cut('a', 'b');
    register.promote(mesh, b, [b, three.c]);
    mesh.until(() => a.volume.status().role === 'secondary');
    mesh.network.heal('a', 'b');
    mesh.write(b, 1, 2);
    mesh.until(() => isWhole(three));
    mesh.assertIdentical();
    assert.equal(mesh.read(b, 1), 2);
  });

  test('a replica is added while everything runs', () => {
    const register = new Register();
    const mesh = new Mesh(['a', 'b', 'c'], { arbiter: () => register });
    const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
    for (const node of [a, b]) node.strangers.add('c');
    for (const node of [a, b]) node.start();
    register.promote(mesh, a, [a]);
    mesh.until(() => register.set.members.length === 2);
    mesh.write(a, 3, 3);
    c.start();
    for (const node of [a, b]) node.volume.addPeer('c', ['c'], (error) => assert.equal(error, undefined));
    const write = mesh.begin(a, 4, 4);
    mesh.until(() => isWhole({ mesh, register }) && write.answer === 'ok');
    mesh.write(a, 5, 5);
    mesh.assertIdentical();
    a.kill();
    mesh.until(() => peerOf(c, 'a').connection === 'Connecting');
    register.promote(mesh, c, [b, c]);
    assert.equal(mesh.read(c, 3), 3);
    let refused: string | undefined;
    b.volume.addPeer('c', ['c'], (error) => (refused = error?.code));
    assert.equal(refused, 'conflict');
  });

  test('a replica is taken out while everything runs, and comes back as a new one', () => {
    const register = new Register();
    const mesh = new Mesh(['a', 'b', 'c'], { arbiter: () => register });
    const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
    for (const node of mesh.nodes) node.start();
    register.promote(mesh, a, [a]);
    mesh.until(() => isWhole({ mesh, register }));
    mesh.write(a, 3, 3);
    const held = mesh.begin(a, 4, 4);
    for (const node of [a, b]) {
      const [other] = [a, b].filter((each) => each !== node) as [TestNode];
      node.volume.setPeers({ peers: { [other.name]: [other.name] } }, (error) =>
        assert.equal(error, undefined),
      );
    }
    mesh.until(() => held.answer === 'ok' && register.set.members.length === 2);
    assert.deepEqual([...register.set.members].sort(), ['a', 'b']);
    assert.deepEqual(
      a.volume.status().peers.map(({ node }) => node),
      ['b'],
    );
    mesh.write(a, 5, 5);
    assert.notEqual(mesh.read(a, 5), undefined);
    a.volume.setPeers({ peers: { b: ['b'], c: ['c'] } }, (error) => assert.equal(error, undefined));
    b.volume.setPeers({ peers: { a: ['a'], c: ['c'] } }, (error) => assert.equal(error, undefined));
    mesh.until(() => isWhole({ mesh, register }));
    assert.equal(peerOf(a, 'c').dirtyBytes, 0);
    assert.equal(c.volume.status().disk, 'UpToDate');
    mesh.assertIdentical();
  });

  test('new replicas that are equal by word agree on one generation, however they meet', () => {
    for (const names of [
      ['a', 'b', 'c'],
      ['a', 'b', 'c', 'd'],
    ]) {
      const mesh = new Mesh(names);
      const last = names.at(-1) as string;
      for (const name of names.slice(1, -1)) mesh.network.cut('a', name);
      for (const name of names.slice(1, -1)) mesh.network.cut(name, last);
      for (const node of mesh.nodes) node.start();
      mesh.scheduler.runFor(500);
      mesh.network.cutLinks.clear();
      const isAgreed = (node: TestNode): boolean => {
        const { inSyncSet, peers } = node.volume.status();
        return (
          inSyncSet.length === names.length &&
          peers.every(({ replication, resync }) => replication === 'Established' && resync.kind === 'none')
        );
      };
      mesh.until(() => mesh.nodes.every(isAgreed));
    }
  });

  test('standalone: all members together need no force, a part of them does', () => {
    const mesh = new Mesh(['a', 'b', 'c']);
    const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
    a.start();
    mesh.promote(a, { force: true });
    b.start();
    c.start();
    mesh.until(() => a.volume.status().inSyncSet.length === 3);
    mesh.write(a, 1, 1);
    mesh.demote(a);
    mesh.until(() => b.volume.status().disk === 'UpToDate');
    a.kill();
    mesh.until(() => b.volume.status().disk === 'Consistent');
    assert.equal(mesh.tryPromote(b)?.code, 'refused');
    a.start();
    mesh.until(() => b.volume.status().disk === 'UpToDate');
    mesh.promote(b);
    assert.equal(mesh.read(b, 1), 1);
    mesh.until(() => b.volume.status().inSyncSet.length === 3);
    mesh.assertIdentical();
    assert.equal(c.volume.status().disk, 'UpToDate');
  });
});
