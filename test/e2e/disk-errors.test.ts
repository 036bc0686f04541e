/** Real faults below a real mirror: nbdkit injects them, an application that reads and writes must not notice (F10). */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { until } from './support/cluster-node.ts';
import { mirrorPair, startSynced, type DiskNode, type MirrorPair } from './support/disk-node.ts';
import { failingDisk, hasNbdkit, NbdkitDisk, scratchedDisk, useDevice } from './support/nbdkit-disk.ts';

const SIZE_BYTES = 8 * 1024 * 1024;
const pairs: MirrorPair[] = [];
const disks: NbdkitDisk[] = [];

after(async () => {
  await Promise.all(pairs.map((pair) => pair.remove()));
  await Promise.all(disks.map((disk) => disk.stop()));
});

/** Node `a` is primary on the disk that `make` starts in the pair's folder. */
async function syncedOn(
  make: (folder: string) => Promise<NbdkitDisk>,
  extra: readonly string[] = [],
): Promise<MirrorPair & { readonly client: NbdClient; readonly disk: NbdkitDisk }> {
  const pair = await mirrorPair('8MiB', ['initialSync: none']);
  pairs.push(pair);
  const disk = await make(pair.folder);
  disks.push(disk);
  useDevice(pair.a, disk.uri, extra);
  await startSynced(pair);
  return { ...pair, disk, client: await NbdClient.open({ path: pair.a.nbdPath }, 'v0') };
}

const block = (fill: number): Buffer => Buffer.alloc(4096, fill);

async function writes(client: NbdClient, number: number, fill: number): Promise<void> {
  assert.equal((await client.write(number * 4096, block(fill))).error, 0);
}

async function reads(client: NbdClient, number: number, fill: number): Promise<void> {
  assert.deepEqual((await client.read(number * 4096, 4096)).data, block(fill));
}

/** Status follows what a worker has done a moment later. */
async function isolated(node: DiskNode): Promise<void> {
  await until('its replica is isolated', async () => {
    const { disk, inSyncSet, role } = await node.status();
    assert.equal(role, 'primary');
    return disk === 'Failed' && inSyncSet.join() === 'b';
  });
}

describe('a faulty disk under the primary', { timeout: 600_000, skip: !hasNbdkit && 'needs nbdkit' }, () => {
  it('with a bad sector: the read is answered from the peer, and the sector lives in the spare area', async () => {
    let bad = '';
    const { a, client } = await syncedOn((folder) => {
      bad = join(folder, 'bad');
      return scratchedDisk(folder, join(folder, 'scratched.img'), SIZE_BYTES, bad);
    });
    await writes(client, 100, 1);
    writeFileSync(bad, `${100 * 4096 + 512}\n`);
    await reads(client, 100, 1);
    await until('the block is remapped', async () => (await a.status()).remappedSectors === 1);
    const { disk, inSyncSet, ioErrors } = await a.status();
    assert.deepEqual([disk, inSyncSet], ['UpToDate', ['a', 'b']]);
    assert.ok(ioErrors >= 1);
    await reads(client, 100, 1);
    await writes(client, 100, 2);
    await reads(client, 100, 2);
    client.close();
  });

  it('that fails: the replica is isolated, its peer serves, and the disk that is attached again is rebuilt meanwhile', async () => {
    let trigger = '';
    const { a, b, client } = await syncedOn((folder) => {
      trigger = join(folder, 'broken');
      return failingDisk(folder, '8M', { errno: 'EIO', operations: ['pread', 'pwrite'], trigger });
    });
    await writes(client, 1, 1);
    writeFileSync(trigger, '');
    await writes(client, 2, 2);
    await reads(client, 1, 1);
    await reads(client, 2, 2);
    await isolated(a);
    assert.equal((await b.status()).disk, 'UpToDate');
    rmSync(trigger);
    assert.equal((await a.run('attach', '--replaced')).code, 0);
    await writes(client, 3, 3);
    await a.wait('synced');
    assert.deepEqual((await a.status()).inSyncSet, ['b', 'a']);
    await b.kill();
    for (const number of [1, 2, 3]) await reads(client, number, number);
    client.close();
  });

  it('that hangs: it has failed after its timeout, and the application goes on', async () => {
    const { a, client, disk } = await syncedOn(
      (folder) => NbdkitDisk.start(join(folder, 'hung.sock'), ['memory', '8M']),
      // More than a busy machine takes for an answer.
      ['diskTimeout: 5s'],
    );
    await writes(client, 1, 1);
    await disk.hang();
    await writes(client, 2, 2);
    await reads(client, 1, 1);
    await isolated(a);
    client.close();
    disk.goOn();
  });

  it('that is full: the application is told, and the disk is as good as before', async () => {
    let trigger = '';
    const { a, client } = await syncedOn((folder) => {
      trigger = join(folder, 'full');
      return failingDisk(folder, '8M', { errno: 'ENOSPC', operations: ['pwrite'], trigger });
    });
    await writes(client, 1, 1);
    writeFileSync(trigger, '');
    assert.equal((await client.write(4096, block(2))).error, 28);
    await reads(client, 1, 1);
    rmSync(trigger);
    assert.equal((await a.status()).disk, 'UpToDate');
    await writes(client, 1, 3);
    await a.wait('synced');
    await reads(client, 1, 3);
    client.close();
  });
});
