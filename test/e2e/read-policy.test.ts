/** Reads spread over both replicas are faster than one disk (F12), measured on disks that nbdkit makes slow. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { mirrorPair, startSynced, type MirrorPair } from './support/disk-node.ts';
import { hasNbdkit, NbdkitDisk, useDevice } from './support/nbdkit-disk.ts';

/** A disk that takes 40 ms for a read and does four at a time: 100 reads a second, of which a busy machine does many more beside. */
const SLOW = ['--threads=4', '--filter=delay', 'memory', '8M', 'rdelay=40ms'];
const READS = 160;
/** A machine that others use, too, stalls now and then; it is never quicker than the disks are. */
const ROUNDS = 3;
const pairs: MirrorPair[] = [];
const disks: NbdkitDisk[] = [];

after(async () => {
  await Promise.all(pairs.map((pair) => pair.remove()));
  await Promise.all(disks.map((disk) => disk.stop()));
});

/** Reads per second of a mirror of two slow disks, in the best round. */
async function readRate(policy: string): Promise<number> {
  const pair = await mirrorPair('8MiB', ['initialSync: none', `readPolicy: ${policy}`]);
  pairs.push(pair);
  for (const node of [pair.a, pair.b]) {
    const disk = await NbdkitDisk.start(join(pair.folder, `${node.name}.disk`), SLOW);
    disks.push(disk);
    useDevice(node, disk.uri);
  }
  await startSynced(pair);
  const client = await NbdClient.open({ path: pair.a.nbdPath }, 'v0');
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) bestMs = Math.min(bestMs, await readAllMs(client));
  client.close();
  return (READS * 1000) / bestMs;
}

async function readAllMs(client: NbdClient): Promise<number> {
  const startedMs = performance.now();
  const reads = Array.from({ length: READS }, (_, index) => client.read(((index * 67) % 2048) * 4096, 4096));
  for (const { error } of await Promise.all(reads)) assert.equal(error, 0);
  return performance.now() - startedMs;
}

describe('read policies', { timeout: 600_000, skip: !hasNbdkit && 'needs nbdkit' }, () => {
  it('spread reads over both disks', async (context) => {
    const local = await readRate('local');
    for (const policy of ['round-robin', 'least-pending', 'striped']) {
      const rate = await readRate(policy);
      context.diagnostic(`${policy}: ${rate.toFixed(0)} reads/s, ${(rate / local).toFixed(2)} × one disk`);
      assert.ok(rate > 1.5 * local, `${policy}: ${rate} reads/s against ${local} of one disk`);
    }
  });
});
