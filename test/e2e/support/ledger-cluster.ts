/** A hosted cluster with the demonstration's ledger on a mirror of both nodes, and the load that counts what was acknowledged. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import type { Host } from './hosts.ts';
import { HostedCluster, sleep } from './hosted-cluster.ts';

export const LEDGER = '127.0.0.1:9000';
export const VOLUME_BYTES = 256 * 1024 * 1024;

export interface Ack {
  readonly number: number;
  readonly checksum: number;
  readonly payload: string;
}

export const acksIn = (file: string): Ack[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Ack)
    : [];

/** Waits until the load has heard of so many records. */
export async function acknowledged(file: string, count: number): Promise<void> {
  for (const startedMs = performance.now(); acksIn(file).length < count; await sleep(100))
    assert.ok(performance.now() - startedMs < 180_000, `${count} records acknowledged`);
}

export class LedgerCluster extends HostedCluster {
  image(name: string): string {
    return join(this.folder, `${name}.img`);
  }

  load(host: Host, file: string): void {
    const node = join(repositoryRoot, 'node_modules/.bin/node');
    const program = join(repositoryRoot, 'test/e2e/support/clients/ledger-client.ts');
    this.start(host, `${host.name}.load`, node, program, LEDGER, file);
  }

  /** `cluster`: the document's key. */
  configure(cluster = '{ tieBreaker: { kind: witness } }', sizeBytes = VOLUME_BYTES): void {
    const ledger = join(repositoryRoot, 'packages/cli/src/demo/ledger/main.ts');
    this.apply(`cluster: ${cluster}
volumes:
  - { name: data, size: ${sizeBytes}, mode: sync, replicas: { n1: ${this.image('n1')}, n2: ${this.image('n2')} } }
groups:
  - name: ledger
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: data, attach: none }
      - { name: book, type: app, command: [${process.execPath}, ${ledger}, "\${vol.device}", "${LEDGER}"], directory: ${this.folder} }
`);
  }

  diskStatus(name: string): VolumeStatus | undefined {
    const control = join(this.dir(name), 'run/disk.sock');
    const text = this.lab.host(name).eterne('disk', 'status', '--json', '--control', control);
    return (JSON.parse(text) as { volumes: VolumeStatus[] }).volumes[0];
  }
}

export const isInSync = (status: ClusterStatus): boolean =>
  status.quorate && status.volumes[0]?.inSyncSet.length === 2;
