/** What crosses the wire between two nodes: as much as is written, whatever it is written as, and next to nothing for a comparison by digests. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { KIB, MIB } from '@eterne/base';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { attached, attachMissing, removeAttached } from './support/attached.ts';
import { until } from './support/cluster-node.ts';
import { asynchronous, filesOf, startSynced } from './support/disk-node.ts';
import { relayedPair, type RelayedPair } from './support/relayed-pair.ts';

/** Without standing in the relay's way. */
const run = promisify(execFile);
const SECTOR_BYTES = 512;
const DATA_BYTES = 16 * MIB;
const FILE_BYTES = 4 * KIB;

const carried = ({ relays }: RelayedPair): number =>
  relays.reduce((sum, { carriedBytes }) => sum + carriedBytes, 0);

/** What the kernel has written to a block device since it is there. */
function writtenBytes(device: string): number {
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/);
  return Number(fields[6]) * SECTOR_BYTES;
}

describe('between two nodes', { timeout: 300_000 }, () => {
  it(
    'a file system costs the bytes that it writes, as one file or as thousands',
    { skip: attachMissing() },
    async () => {
      const pair = await relayedPair('64MiB', {
        storesOf: (node, folder) => ({ ...filesOf(node, folder), exports: ', { attach: fuse }' }),
      });
      const mount = join(pair.folder, 'mount');
      mkdirSync(mount);
      try {
        await startSynced(pair);
        const device = await attached(pair.a);
        await run('mkfs.ext4', ['-q', '-N', '8192', '-E', 'lazy_itable_init=0', device]);
        await run('mount', [device, mount]);
        /** Bytes on the wire, in both directions, for each that the file system wrote. */
        const costOf = async (files: number): Promise<number> => {
          const data = randomFillSync(Buffer.alloc(DATA_BYTES / files));
          const before = { carried: carried(pair), written: writtenBytes(device) };
          for (let index = 0; index < files; index += 1)
            writeFileSync(join(mount, `${files}-${index}`), data);
          await run('sync', ['--file-system', mount]);
          const written = writtenBytes(device) - before.written;
          assert.ok(written >= DATA_BYTES, `${written} bytes reached the device`);
          return (carried(pair) - before.carried) / written;
        };
        const costs = [await costOf(1), await costOf(DATA_BYTES / FILE_BYTES)];
        await run('umount', [mount]);
        for (const cost of costs) assert.ok(cost >= 1 && cost < 1.05, `one and many: ${costs.join(', ')}`);
      } finally {
        await removeAttached(pair);
      }
    },
  );

  it('an asynchronous copy is compared by hardly more than digests', async () => {
    const pair = await relayedPair('64MiB');
    try {
      for (const node of [pair.a, pair.b]) asynchronous(node);
      await startSynced(pair);
      const client = await NbdClient.open({ path: pair.a.nbdPath }, 'v0');
      const data = randomFillSync(Buffer.alloc(MIB));
      for (let at = 0; at < 64; at += 1) assert.equal((await client.write(at * MIB, data)).error, 0);
      client.close();
      await until('the copy has everything', async () => (await pair.a.peer()).lagBytes === 0);
      const before = carried(pair);
      await pair.a.must('verify');
      await until('both are compared', async () => (await pair.a.peer()).lastVerify?.isDone === true);
      const share = (carried(pair) - before) / (64 * MIB);
      const last = (await pair.a.peer()).lastVerify;
      assert.deepEqual([last?.method, last?.differingBytes], ['digest', 0]);
      assert.ok(share > 0 && share <= 0.01, `${(share * 100).toFixed(2)} % of what was compared`);
    } finally {
      await pair.remove();
    }
  });
});
