/** Machines of one name in a cluster: one is a member, another was. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Mesh, TestNode } from './support/mesh.ts';
import { Pair } from './support/pair.ts';
import { Register } from './support/register.ts';
import { peerOf } from './support/three.ts';

const LIVES = { a: 'a-1', b: 'b-1' };
/** Of whoever has taken the place of that node. */
const AFTER = { a: { ...LIVES, a: 'a-2' }, b: { ...LIVES, b: 'b-2' } };

interface Two {
  readonly pair: Pair;
  readonly register: Register;
}

/** Equal, in sync under one cluster. */
function inSync(primary: 'a' | 'b', lives: TestNode['lives']): Two {
  const register = new Register();
  const pair = new Pair({ arbiter: () => register });
  for (const node of pair.nodes) {
    node.lives = lives;
    node.start();
  }
  register.promote(pair, pair[primary], [pair[primary]]);
  pair.until(() => register.set.members.length === 2);
  return { pair, register };
}

/** A machine that had a name before, with what it has been told of itself and the others. */
function removed(mesh: Mesh, name: 'a' | 'b', lives: TestNode['lives']): TestNode {
  const node = new TestNode(mesh, name);
  node.lives = lives;
  node.start();
  return node;
}

const isConnected = (node: TestNode, peer: string): boolean => peerOf(node, peer).connection === 'Connected';

describe('a machine that was removed and runs on', () => {
  // The lower name dials.
  for (const [name, primary] of [
    ['b', 'a'],
    ['a', 'b'],
  ] as const)
    test(`is not met, copied to or counted in the place of its silent successor, which ${name === 'a' ? 'dials' : 'is dialled'}`, () => {
      const { pair, register } = inSync(primary, AFTER[name]);
      const server = pair[primary];
      pair.write(server, 1, 1);
      pair[name].kill();
      pair.until(() => register.set.members.length === 1);
      const impostor = removed(pair, name, LIVES);
      pair.write(server, 2, 2);
      pair.scheduler.runFor(3000);
      assert.equal(isConnected(server, name), false);
      assert.equal(isConnected(impostor, primary), false);
      assert.deepEqual(register.set.members, [primary]);
      assert.equal(impostor.volume.status().term, 0, 'it has been told nothing');
      // Whoever hears the other's HELLO first says so.
      const logs = [...server.logs, ...impostor.logs];
      assert.ok(
        logs.some((line) => /is another machine than the member|takes this node for another/.test(line)),
      );
      impostor.kill();
      pair[name].start();
      pair.until(() => register.set.members.length === 2);
      pair.assertIdentical();
    });

  for (const name of ['a', 'b'] as const)
    test(`is not met as ${name} either where it was removed before anybody told lives`, () => {
      const { pair, register } = inSync(name === 'a' ? 'b' : 'a', AFTER[name]);
      const server = name === 'a' ? pair.b : pair.a;
      pair[name].kill();
      pair.until(() => register.set.members.length === 1);
      const impostor = removed(pair, name, undefined);
      pair.write(server, 2, 2);
      pair.scheduler.runFor(3000);
      assert.equal(isConnected(server, name), false);
      assert.deepEqual(register.set.members, [server.name]);
      assert.ok(server.logs.some((line) => line.includes('does not say which member of the cluster it is')));
      impostor.kill();
    });

  test('is let go of as soon as it is known that another has its place', () => {
    const { pair, register } = inSync('a', LIVES);
    const { a, b } = pair;
    a.volume.setPeers({ peers: { b: ['b'] }, lives: AFTER.b }, (error) => assert.equal(error, undefined));
    pair.write(a, 1, 1);
    assert.deepEqual(register.set.members, ['a']);
    pair.scheduler.runFor(3000);
    assert.equal(isConnected(a, 'b'), false);
    b.kill();
    b.lives = AFTER.b;
    b.start();
    pair.until(() => register.set.members.length === 2);
    assert.deepEqual(register.lives, { b: 'b-2' });
    pair.assertIdentical();
  });

  test('is not met by its own word that it is somebody else: it also has to mean who is there', () => {
    const { pair, register } = inSync('a', LIVES);
    const { a, b } = pair;
    b.kill();
    pair.until(() => register.set.members.length === 1);
    b.lives = AFTER.a;
    b.start();
    pair.scheduler.runFor(3000);
    assert.equal(isConnected(a, 'b'), false);
    assert.ok(a.logs.some((line) => line.includes('takes this node for another machine')));
  });
});

describe('a cluster whose nodes begin to tell lives', () => {
  test('who has been told meets only who has been told; both come together again, and nothing is lost', () => {
    const { pair, register } = inSync('a', undefined);
    const { a, b } = pair;
    assert.equal(register.lives, undefined);
    pair.write(a, 1, 1);
    a.volume.setPeers({ peers: { b: ['b'] }, lives: LIVES }, (error) => assert.equal(error, undefined));
    pair.write(a, 2, 2);
    pair.scheduler.runFor(1000);
    assert.equal(isConnected(a, 'b'), false, 'it may be anybody of that name');
    b.volume.setPeers({ peers: { a: ['a'] }, lives: LIVES }, (error) => assert.equal(error, undefined));
    pair.until(() => register.set.members.length === 2);
    assert.deepEqual(register.lives, { b: 'b-1' });
    pair.assertIdentical();
  });

  test('a session whose sides are the same as before goes on', () => {
    const { pair, register } = inSync('a', LIVES);
    const { version } = register.set;
    for (const [node, other] of [
      [pair.a, 'b'],
      [pair.b, 'a'],
    ] as const)
      node.volume.setPeers({ peers: { [other]: [other] }, lives: { ...LIVES, c: 'c-1' } }, (error) =>
        assert.equal(error, undefined),
      );
    pair.scheduler.runFor(1000);
    assert.equal(register.set.version, version);
    assert.ok(isConnected(pair.a, 'b'));
  });
});
