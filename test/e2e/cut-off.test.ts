/**
 * A node cut off from both others stops serving and acknowledges nothing; another takes over with every acknowledged record; the one that
 * returns resynchronises only what changed. Three hosts, real processes, a pulled cable.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { hostsMissing, type Host } from './support/hosts.ts';
import { HostedCluster, ownedBy, sleep } from './support/hosted-cluster.ts';

const LEDGER = '127.0.0.1:9000';
const VOLUME_BYTES = 256 * 1024 * 1024;
/** Lease, grace and room for a slow machine: after this a node that was cut off acknowledges nothing. */
const SILENT_WITHIN_MS = 3000;
const missing = hostsMissing();

interface Ack {
  readonly number: number;
  readonly checksum: number;
  readonly payload: string;
}

const acksIn = (file: string): Ack[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Ack)
    : [];

/** Waits until the load has heard of so many records. */
async function acknowledged(file: string, count: number): Promise<void> {
  for (const startedMs = performance.now(); acksIn(file).length < count; await sleep(100))
    assert.ok(performance.now() - startedMs < 60_000, `${count} records acknowledged`);
}

class Trial extends HostedCluster {
  image(name: string): string {
    return join(this.folder, `${name}.img`);
  }

  load(host: Host, file: string): void {
    const node = join(repositoryRoot, 'node_modules/.bin/node');
    const program = join(repositoryRoot, 'test/e2e/support/load-main.ts');
    this.start(host, `${host.name}.load`, node, program, LEDGER, file);
  }

  configure(): void {
    const ledger = join(repositoryRoot, 'packages/cli/src/demo/ledger/main.ts');
    this.apply(`cluster: { tieBreaker: { kind: witness } }
volumes:
  - { name: data, size: ${VOLUME_BYTES}, mode: sync, replicas: { n1: ${this.image('n1')}, n2: ${this.image('n2')} } }
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

const isInSync = (status: ClusterStatus): boolean =>
  status.quorate && status.volumes[0]?.inSyncSet.length === 2;
test('a node cut off from both others', { skip: missing ?? false, timeout: 240_000 }, async (context) => {
  const trial = new Trial('cut');
  after(() => trial.remove());
  const [n1, n2] = [trial.lab.host('n1'), trial.lab.host('n2')];
  const [acks1, acks2] = [join(trial.folder, 'acks1'), join(trial.folder, 'acks2')];
  await trial.setUp();
  trial.configure();
  await trial.waitFor('n1', 'the group on n1', ownedBy('n1'));
  await trial.waitFor('n1', 'both replicas', isInSync);
  trial.load(n1, acks1);
  trial.load(n2, acks2);
  await acknowledged(acks1, 10);

  n1.cut();
  await sleep(SILENT_WITHIN_MS);
  const before = acksIn(acks1).length;
  await context.test('it acknowledges nothing any more', async () => {
    await sleep(SILENT_WITHIN_MS);
    assert.equal(acksIn(acks1).length, before);
  });
  await context.test('the other takes over with every acknowledged record', async () => {
    await trial.waitFor('n2', 'the group on n2', ownedBy('n2'));
    await acknowledged(acks2, 1);
    for (const { number, checksum } of acksIn(acks1)) {
      const text = n2.run('curl', '-fsS', `http://${LEDGER}/records/${number}`);
      assert.equal((JSON.parse(text) as Ack).checksum, checksum, `record ${number}`);
    }
  });
  await context.test('it returns and resynchronises only what changed', async () => {
    n1.heal();
    await trial.waitFor('n2', 'both replicas', isInSync);
    const resync = trial.diskStatus('n2')?.peers[0]?.resync;
    assert.equal(resync?.kind, 'bitmap');
    assert.ok(resync.syncedBytes < VOLUME_BYTES / 10, `${resync.syncedBytes} bytes`);
    assert.equal(acksIn(acks1).length, before, 'nor did it acknowledge anything meanwhile');
  });
});
