/** Where a peer is changes while its replica is written to: paths come and go, and the session stays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Mesh, type TestNode } from './support/mesh.ts';
import { Register } from './support/register.ts';
import { isWhole, peerOf } from './support/three.ts';

interface Two {
  readonly mesh: Mesh;
  readonly register: Register;
  /** Dials, and serves. */
  readonly a: TestNode;
  readonly b: TestNode;
}

/** `b` is at so many addresses. */
function twoAt(addresses: readonly string[]): Two {
  const register = new Register();
  const mesh = new Mesh(['a', 'b'], { arbiter: () => register });
  const [a, b] = mesh.nodes as [TestNode, TestNode];
  for (const node of mesh.nodes) node.start();
  tell(a, addresses);
  register.promote(mesh, a, [a]);
  mesh.until(() => isWhole({ mesh, register }));
  return { mesh, register, a, b };
}

function tell(node: TestNode, addresses: readonly string[]): void {
  node.volume.setPeers({ peers: { b: addresses } }, (error) => assert.equal(error, undefined));
}

const pathsOf = (node: TestNode): number => peerOf(node, 'b').paths?.length ?? 0;

describe('the addresses of a peer', () => {
  test('are replaced one by one: nothing is held, nobody leaves the set, and the old ones may go', () => {
    const two = twoAt(['b', 'b.1']);
    const { mesh, register, a, b } = two;
    mesh.until(() => pathsOf(a) === 2);
    const { version } = register.set;
    mesh.write(a, 1, 1);
    tell(a, ['b', 'b.1', 'b.2']);
    mesh.until(() => pathsOf(a) === 3);
    tell(a, ['b.2']);
    mesh.until(() => pathsOf(a) === 1);
    mesh.network.cut('a', 'b');
    mesh.network.cut('a', 'b.1');
    for (let block = 2; block < 40; block += 1) {
      mesh.write(a, block, block);
      mesh.scheduler.runFor(100);
    }
    assert.equal(register.set.version, version, 'it has never left the set');
    assert.equal(peerOf(a, 'b').connection, 'Connected');
    assert.equal(b.data.content[30 * 4096], 30);
    mesh.flush(a);
    mesh.assertIdentical();
  });

  test('the last path that works is kept until a new one does', () => {
    const { mesh, register, a } = twoAt(['b', 'b.1']);
    mesh.until(() => pathsOf(a) === 2);
    const { version } = register.set;
    mesh.network.cut('a', 'b.1');
    mesh.network.cut('a', 'b.2');
    mesh.until(() => pathsOf(a) === 1);
    tell(a, ['b.2']);
    mesh.scheduler.runFor(5000);
    mesh.write(a, 1, 1);
    assert.equal(pathsOf(a), 1);
    mesh.network.heal('a', 'b.2');
    mesh.until(() => pathsOf(a) === 2);
    mesh.scheduler.runFor(1000);
    assert.equal(pathsOf(a), 1, 'what is no address of it any more is left');
    assert.equal(register.set.version, version);
  });

  test('a second one turns the connection into several at once, with one short parting', () => {
    const two = twoAt(['b']);
    const { mesh, a } = two;
    mesh.write(a, 1, 1);
    tell(a, ['b', 'b.1']);
    mesh.write(a, 2, 2);
    mesh.until(() => pathsOf(a) === 2 && isWhole(two));
    mesh.network.cut('a', 'b');
    mesh.write(a, 3, 3);
    mesh.flush(a);
    mesh.assertIdentical();
  });

  for (const which of ['a', 'b'] as const)
    for (const lost of ['b', 'b.1'])
      test(`one of two is lost (${lost}) while ${which} stands still for a second: nobody is given up`, () => {
        const two = twoAt(['b', 'b.1']);
        const { mesh, register, a, b } = two;
        mesh.until(() => pathsOf(a) === 2);
        const { version } = register.set;
        for (let round = 0; round < 20; round += 1) {
          mesh.scheduler.runFor(13 * round);
          mesh.network.cut('a', lost);
          // What goes out now may go over either.
          const writes = [1, 2, 3].map((block) => mesh.begin(a, block, round + 1));
          mesh.scheduler.runFor(round);
          two[which].standStill(1000);
          mesh.until(() => writes.every(({ answer }) => answer === 'ok'), 2500);
          assert.equal(register.set.version, version, `round ${round}: ${a.logs.join('\n')}`);
          assert.equal(b.data.content[2 * 4096], round + 1);
          mesh.network.heal('a', lost);
          mesh.until(() => pathsOf(a) === 2);
        }
      });

  test('a peer that lives, and from which nothing comes through, is given up after twice the time', () => {
    const { mesh, register, a } = twoAt(['b', 'b.1']);
    mesh.until(() => pathsOf(a) === 2);
    const { version } = register.set;
    const startedMs = mesh.scheduler.nowMs;
    // Every frame from now on is held back for want of the first, while acknowledgements go through.
    mesh.network.altered = (bytes) => (bytes.readUInt32LE(4) === 70 ? bytes.subarray(0, 0) : bytes);
    mesh.until(() => register.set.version !== version, 5000);
    assert.ok(mesh.scheduler.nowMs - startedMs > 2750);
    assert.match(a.logs.join('\n'), /lost b: it lives, and nothing has come through for 3000 ms/);
  });

  test('what the acceptor hears of the dialer’s addresses changes nothing', () => {
    const two = twoAt(['b']);
    const { version } = two.register.set;
    two.b.volume.setPeers({ peers: { a: ['a.1'] } }, (error) => assert.equal(error, undefined));
    two.mesh.write(two.a, 1, 1);
    two.mesh.scheduler.runFor(1000);
    assert.equal(two.register.set.version, version);
  });
});
