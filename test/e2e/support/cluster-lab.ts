/** A cluster of a test: who founds and joins it, its document, the programs it runs, and an end that leaves nothing behind. */
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { ClusterNode, until } from './cluster-node.ts';
import { processesWith } from './processes-with.ts';

export class ClusterLab {
  readonly root: string;
  readonly #members: ClusterNode[] = [];

  static async make(name: string): Promise<ClusterLab> {
    return new ClusterLab(await mkdtemp(join(tmpdir(), `eterne-${name}-`)));
  }

  private constructor(root: string) {
    this.root = root;
  }

  /** `number`: the last byte of its address, unique in the test. The first one founds the cluster. */
  member(
    name: string,
    number: number,
    role: 'node' | 'witness' = 'node',
    wrapper: readonly string[] = [],
  ): ClusterNode {
    const member = new ClusterNode(this.root, name, number, role, wrapper);
    this.#members.push(member);
    return member;
  }

  /** A resource: a program that does nothing and can be told from others by its mark. */
  program(mark = 'app'): string {
    return `{ name: app, type: app, command: ["/bin/sleep", "12345"], env: { MARK: "${this.#markOf(mark)}" } }`;
  }

  /** Of the programs with that mark, wherever they run. */
  programs(mark = 'app'): readonly number[] {
    return processesWith('environ', `MARK=${this.#markOf(mark)}\0`);
  }

  /** These run: all members, or the ones named. */
  async begin(document: string, members: readonly ClusterNode[] = this.#members): Promise<void> {
    const [first, ...others] = members;
    await first?.found();
    for (const other of others) if (first) await other.join(first);
    await this.apply(document);
  }

  /** By the node that founded the cluster. */
  async apply(document: string): Promise<void> {
    const [founder] = this.#members;
    if (founder) await this.applyAt(founder, document);
  }

  async applyAt(node: ClusterNode, document: string): Promise<void> {
    const path = join(this.root, 'document.yaml');
    writeFileSync(path, document);
    await node.apply(path);
  }

  async end(): Promise<void> {
    for (const member of this.#members) member.signal('SIGKILL');
    await until(
      'nothing is left',
      () =>
        this.#members.every((member) => member.processes().size === 0) &&
        processesWith('environ', `MARK=${this.root}/`).length === 0,
    );
    await rm(this.root, { recursive: true });
  }

  #markOf(mark: string): string {
    return `${this.root}/${mark}`;
  }
}

/** The only group runs on `owner`, its volume is whole, and nothing weakens the cluster. */
export async function isWellOn(
  owner: ClusterNode,
  isSo: (status: ClusterStatus) => boolean = () => true,
): Promise<boolean> {
  const status = await owner.status();
  const [group] = status?.groups ?? [];
  return (
    status !== undefined &&
    group?.owner === owner.name &&
    group.state === 'online' &&
    group.protected &&
    status.volumes.every(({ inSyncSet }) => inSyncSet.length === 2) &&
    status.warnings.length === 0 &&
    isSo(status)
  );
}
