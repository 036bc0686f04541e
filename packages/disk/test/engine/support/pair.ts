import { Mesh, type MeshOptions, type TestNode } from './mesh.ts';

export { BLOCK, SIZE_BYTES, type TestNode } from './mesh.ts';

/** Two replicas, `a` and `b`. */
export class Pair extends Mesh {
  readonly a: TestNode;
  readonly b: TestNode;

  constructor(options: MeshOptions = {}) {
    super(['a', 'b'], options);
    [this.a, this.b] = this.nodes as [TestNode, TestNode];
  }

  /** Both up, connected, equal; `a` is primary. */
  startMirror(): this {
    this.a.start();
    this.b.start();
    this.until(() => this.isConnected());
    this.promote(this.a);
    const members = this.options.config?.mode === 'async' ? 1 : 2;
    this.until(() => {
      const { inSyncSet, peers } = this.a.volume.status();
      return inSyncSet.length === members && peers[0]?.disk === 'UpToDate';
    });
    return this;
  }

  isConnected(): boolean {
    return [this.a, this.b].every((node) => node.volume.status().peers[0]?.connection === 'Connected');
  }

  isEqual(): boolean {
    return [this.a, this.b].every((node) => {
      const { peers, disk } = node.volume.status();
      return peers[0]?.replication === 'Established' && peers[0].dirtyBytes === 0 && disk === 'UpToDate';
    });
  }
}
