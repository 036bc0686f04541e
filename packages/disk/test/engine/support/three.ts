import assert from 'node:assert/strict';
import { Mesh, type MeshOptions, type TestNode } from './mesh.ts';
import { Register } from './register.ts';

export interface Three {
  readonly mesh: Mesh;
  readonly register: Register;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly c: TestNode;
}

export function isWhole({ mesh, register }: Pick<Three, 'mesh' | 'register'>): boolean {
  const primary = mesh.nodes.find(({ name }) => name === register.holder);
  return (
    register.set.members.length === mesh.nodes.length &&
    primary?.volume.status().peers.every((peer) => peer.replication === 'Established') === true &&
    mesh.nodes.every((node) => node.isUp && node.volume.status().disk === 'UpToDate')
  );
}

/** All up, connected and equal under one cluster; `a` is primary. */
export function threeEqual(options: MeshOptions = {}): Three {
  const register = new Register();
  const mesh = new Mesh(['a', 'b', 'c'], { arbiter: () => register, ...options });
  const [a, b, c] = mesh.nodes as [TestNode, TestNode, TestNode];
  for (const node of mesh.nodes) node.start();
  register.promote(mesh, a, [a]);
  mesh.until(() => isWhole({ mesh, register }));
  // The last words about who is equal are on their way.
  mesh.scheduler.runFor(100);
  return { mesh, register, a, b, c };
}

export const peerOf = (node: TestNode, name: string) => {
  const peer = node.volume.status().peers.find((each) => each.node === name);
  assert.ok(peer);
  return peer;
};
