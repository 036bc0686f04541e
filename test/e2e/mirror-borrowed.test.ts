/** A node serves what is still being copied to it: what it lacks is read from the other one. With a real ext4, and through a `kill -9` of the source. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { attached, attachMissing, removeAttached } from './support/attached.ts';
import { until } from './support/cluster-node.ts';
import { filesOf, mirrorPair, type DiskNode, type MirrorPair } from './support/disk-node.ts';
import { Recorder } from './support/recorder.ts';

const MIB = 1024 * 1024;

/** `b` has the data and does not serve it; `a` is being copied to. */
async function startCopy({ a, b }: MirrorPair): Promise<void> {
  await b.start();
  await b.must('promote', { force: true });
  await b.must('demote');
  await a.start();
  await untilCopied(a);
}

const untilCopied = (node: DiskNode): Promise<void> =>
  until(
    `${node.name} is copied to`,
    async () => (await node.status()).peers[0]?.replication === 'SyncTarget',
  );

async function borrow(node: DiskNode): Promise<void> {
  const { code, stderr } = await node.run('promote', '--while-copied');
  assert.equal(code, 0, stderr);
  const { disk, inSyncSet, peers, role } = await node.status();
  assert.deepEqual([role, disk, inSyncSet], ['primary', 'Inconsistent', ['b']]);
  assert.equal(peers[0]?.replication, 'SyncTarget');
}

describe('a volume whose data is at the other node', { timeout: 600_000 }, () => {
  it(
    'is mounted and written to while the used blocks of its ext4 are copied',
    { skip: attachMissing() },
    async () => {
      const pair = await mirrorPair(
        '64MiB',
        ['initialSync: smart', 'resyncRate: { min: 1MiB, max: 1MiB }'],
        (node, folder) => ({ ...filesOf(node, folder), exports: ', { attach: fuse }' }),
      );
      const { a, b, folder } = pair;
      const [mount, files] = [join(folder, 'mount'), join(folder, 'files')];
      mkdirSync(mount);
      mkdirSync(files);
      const big = randomBytes(8 * MIB);
      writeFileSync(join(files, 'big'), big);
      execFileSync('mkfs.ext4', ['-q', '-d', files, b.image, '64m']);
      try {
        await startCopy(pair);
        await borrow(a);
        execFileSync('mount', [await attached(a), mount]);
        assert.ok(readFileSync(join(mount, 'big')).equals(big), 'where it is');
        writeFileSync(join(mount, 'letter'), 'written before everything was here', { flush: true });
        await a.wait('synced');
        const { inSyncSet, peers } = await a.status();
        assert.deepEqual([...inSyncSet].sort(), ['a', 'b']);
        const { kind, wireBytes = 0 } = peers[0]?.resync ?? {};
        assert.equal(kind, 'smart');
        assert.ok(wireBytes > 8 * MIB && wireBytes < 16 * MIB, `${wireBytes} bytes went over`);
        await b.kill();
        await until('a goes on alone', async () => (await a.status()).inSyncSet.length === 1);
        assert.ok(readFileSync(join(mount, 'big')).equals(big), 'from its own disk');
        execFileSync('umount', [mount]);
        await a.must('demote');
        assert.equal(await a.stop(), 0);
        execFileSync('e2fsck', ['-fn', a.image], { stdio: 'pipe' });
        const letter = execFileSync('debugfs', ['-R', 'cat /letter', a.image], { stdio: 'pipe' });
        assert.equal(letter.toString(), 'written before everything was here');
      } finally {
        await removeAttached(pair);
      }
    },
  );

  it('is served by nobody while its source is dead, and loses nothing', async () => {
    const pair = await mirrorPair('16MiB', ['initialSync: full', 'resyncRate: { min: 1MiB, max: 1MiB }']);
    const { a, b } = pair;
    writeFileSync(b.image, randomBytes(16 * MIB));
    try {
      await startCopy(pair);
      await borrow(a);
      const recorder = new Recorder(16 * MIB);
      const load = recorder.run(await NbdClient.open({ path: a.nbdPath }, 'v0'), 8, () => false);
      await until('100 writes are acknowledged', () => recorder.acknowledged > 100);
      await b.kill();
      await load;
      await until('a has stepped down', async () => (await a.status()).role === 'secondary');
      await assert.rejects(NbdClient.open({ path: a.nbdPath }, 'v0'), /not primary/);
      const refused = await a.run('promote', '--while-copied');
      assert.deepEqual([refused.code, /not connected as a source/.test(refused.stderr)], [1, true]);
      const both = await a.run('promote', '--while-copied', '--force');
      assert.deepEqual([both.code, /say one of them/.test(both.stderr)], [2, true]);
      await b.start();
      await untilCopied(a);
      await borrow(a);
      await recorder.check(await NbdClient.open({ path: a.nbdPath }, 'v0'));
      await a.wait('synced');
      assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
      execFileSync('cmp', [a.image, b.image]);
    } finally {
      await pair.remove();
    }
  });
});
