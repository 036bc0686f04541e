/** A replica in a file on a file system that stops answering, as one on NFS or FUSE may: no call on it may hold up the volume, nor anything beside it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { until } from './support/cluster-node.ts';
import { mirrorPair, startSynced } from './support/disk-node.ts';
import { NbdkitDisk, hasNbdkit, useDevice } from './support/nbdkit-disk.ts';

function reasonToSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/fuse')) return 'needs FUSE';
  if (!hasNbdkit) return 'nbdkit is not installed';
  return spawnSync('which', ['nbdfuse']).status === 0 ? false : 'nbdfuse is not installed';
}

/** More than the threads that a store may have. */
const AT_ONCE = 40;
const BLOCK_BYTES = 4096;

it(
  'serves from the peer when its file system hangs',
  { skip: reasonToSkip(), timeout: 600_000 },
  async () => {
    const pair = await mirrorPair('8MiB', ['diskTimeout: 5s']);
    const { a, b, folder } = pair;
    const mount = join(folder, 'mount');
    mkdirSync(mount);
    const disk = await NbdkitDisk.start(join(folder, 'disk.sock'), ['memory', '8M']);
    let fuse: ChildProcess | undefined;
    try {
      const file = join(mount, 'disk');
      fuse = spawn('nbdfuse', [file, disk.uri], { stdio: 'ignore' });
      await until('the file is there', () => existsSync(file));
      useDevice(a, file);
      await startSynced(pair);
      const client = await NbdClient.open({ path: a.nbdPath }, 'v0');
      const write = (index: number, fill: number): Promise<number> =>
        client.write(index * BLOCK_BYTES, Buffer.alloc(BLOCK_BYTES, fill)).then(({ error }) => error);
      assert.equal(await write(0, 1), 0);
      await disk.hang();
      const writes = Array.from({ length: AT_ONCE }, (_, index) => write(index, 2));
      assert.equal((await b.status()).disk, 'UpToDate');
      assert.ok((await Promise.all(writes)).every((error) => error === 0));
      // Status follows what a worker has done a moment later.
      await until('the disk is given up', async () => {
        const { disk: state, inSyncSet, role } = await a.status();
        return state === 'Failed' && inSyncSet.join() === 'b' && role === 'primary';
      });
      const { data } = await client.read((AT_ONCE - 1) * BLOCK_BYTES, BLOCK_BYTES);
      assert.ok(data.equals(Buffer.alloc(BLOCK_BYTES, 2)));
      client.close();
    } finally {
      disk.goOn();
      await Promise.all([a.kill(), b.kill()]);
      spawnSync('umount', ['--lazy', mount]);
      fuse?.kill('SIGKILL');
      await disk.stop();
      await pair.remove();
    }
  },
);
