/** A replica that the configuration leaves out, for a while or for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, Mesh, SIZE_BYTES, type TestNode } from './support/mesh.ts';
import { Pair } from './support/pair.ts';
import { Register } from './support/register.ts';
import { keepSmallLog } from './support/small-log.ts';
import { isWhole, peerOf, threeEqual } from './support/three.ts';

test('what is written while a replica is left out of the configuration is copied when it is back', () => {
  const pair = new Pair().startMirror();
  const { a, b } = pair;
  pair.write(a, 1, 1);
  pair.demote(a);
  for (const node of [a, b]) node.kill();
  a.strangers.add('b');
  a.start();
  pair.promote(a, { force: true });
  pair.write(a, 2, 2);
  pair.demote(a);
  a.kill();
  a.strangers.clear();
  for (const node of [a, b]) node.start();
  pair.until(() => pair.isConnected());
  pair.promote(a, { force: true });
  pair.until(() => pair.isEqual());
  pair.assertIdentical();
});

test('one that only the primary is configured without keeps nothing unsettled: an orderly end leaves no bits', () => {
  const { mesh, register, a, b, c } = threeEqual();
  c.kill();
  mesh.until(() => register.set.members.length === 2);
  mesh.demote(a);
  a.kill();
  a.strangers.add('c');
  a.start();
  mesh.until(() => peerOf(a, 'b').connection === 'Connected');
  register.promote(mesh, a, [a, b]);
  mesh.write(a, 7, 1);
  mesh.demote(a);
  mesh.until(() => peerOf(b, 'a').role === 'secondary');
  assert.equal(peerOf(b, 'a').dirtyBytes, 0);
  register.promote(mesh, b, [a, b]);
  mesh.write(b, 7, 2);
  assert.equal(peerOf(b, 'a').dirtyBytes, 0);
});

test('one of which the primary has never heard holds up no write', () => {
  const register = new Register();
  const mesh = new Mesh(['a', 'b', 'c'], { arbiter: () => register });
  const [a, b] = mesh.nodes as [TestNode, TestNode, TestNode];
  a.strangers.add('c');
  for (const node of [a, b]) keepSmallLog(mesh, node, node === a ? ['b'] : ['a', 'c']);
  for (const node of [a, b]) node.start();
  register.promote(mesh, a, [a]);
  mesh.until(() => register.set.members.length === 2);
  const extentBlocks = (4 * 1024 * 1024) / BLOCK;
  for (let extent = 0; extent < 8; extent += 1) mesh.write(a, extent * extentBlocks, extent + 1);
  assert.ok(b.data.content.subarray(0, SIZE_BYTES).equals(a.data.content.subarray(0, SIZE_BYTES)));
});

test('what a crash has left is copied back from one that came into the configuration while this node was down', () => {
  const register = new Register();
  const mesh = new Mesh(['a', 'b', 'c'], { arbiter: () => register });
  const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
  for (const node of [a, b]) node.strangers.add('c');
  for (const node of [a, b]) node.start();
  register.promote(mesh, a, [a]);
  mesh.until(() => register.set.members.length === 2);
  mesh.write(a, 7, 1);
  mesh.flush(a);
  // Both lose power, and only b what no flush has covered.
  mesh.write(a, 7, 2);
  a.kill();
  b.kill(true);
  for (const node of [a, b]) node.strangers.clear();
  for (const node of [b, c]) node.start();
  register.promote(mesh, b, [b]);
  mesh.until(() => register.set.members.join() === 'b,c');
  mesh.demote(b);
  register.promote(mesh, c, [b, c]);
  b.kill();
  a.start();
  mesh.until(() => register.set.members.join() === 'a,c');
  b.start();
  mesh.until(() => isWhole({ mesh, register }));
  mesh.assertIdentical();
});
