/** Copying and comparing with real processes, real files and real tools. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { PeerStatus } from '@eterne/disk/engine/api.ts';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { mirrorPair, startSynced, type MirrorPair } from './support/disk-node.ts';
import { Recorder } from './support/recorder.ts';

const MIB = 1024 * 1024;
const run = promisify(execFile);
const open: MirrorPair[] = [];

after(async () => {
  await Promise.all(open.map((pair) => pair.remove()));
});

async function newPair(size: string, extra: readonly string[]): Promise<MirrorPair> {
  const pair = await mirrorPair(size, extra);
  open.push(pair);
  return pair;
}

/** Bytes change on the platter behind the mirror's back. */
function alter(image: string, offset: number, lengthBytes: number): void {
  const file = openSync(image, 'r+');
  writeSync(file, Buffer.alloc(lengthBytes, 0xee), 0, lengthBytes, offset);
  closeSync(file);
}

const isInstalled = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('copying and comparing', { timeout: 600_000 }, () => {
  it('finds what was altered behind its back, on a busy volume, and nothing else; and repairs it', async () => {
    const pair = await newPair('96MiB', ['initialSync: none', 'resyncRate: { min: 4MiB, max: 24MiB }']);
    await startSynced(pair);
    const { a, b } = pair;
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x55 0 96M', '-c', 'flush', a.uri]);
    alter(b.image, 80 * MIB, 3 * 4096);
    alter(a.image, 90 * MIB + 4096, 512);
    const recorder = new Recorder(64 * MIB);
    let isOver = false;
    const load = recorder.run(await NbdClient.open({ path: a.nbdPath }, 'v0'), 8, () => isOver);
    const { code, stderr, stdout } = await b.run('verify', '--json');
    isOver = true;
    await load;
    assert.equal(code, 0, stderr);
    assert.ok(recorder.acknowledged > 100, `${recorder.acknowledged} writes meanwhile`);
    const shown = JSON.parse(stdout) as { volumes: { peers: PeerStatus[] }[] };
    assert.equal(shown.volumes[0]?.peers[0]?.lastVerify?.differingBytes, 4 * 4096);
    const peer = await a.peer();
    assert.deepEqual([peer.dirtyBytes, peer.lastVerify?.checkedBytes], [4 * 4096, 96 * MIB]);
    assert.equal((await a.run('resync')).code, 0);
    await a.wait('synced');
    assert.deepEqual((await a.status()).inSyncSet, ['a', 'b']);
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
  });

  it('copies a sparse volume by its data alone', async () => {
    const pair = await newPair('20GiB', ['initialSync: full']);
    const { a, b } = pair;
    writeFileSync(a.image, '');
    truncateSync(a.image, 20 * 1024 * MIB);
    for (const at of [0, 7000, 20_000]) alter(a.image, at * MIB, 4 * MIB);
    await startSynced(pair);
    const { toSyncBytes, wireBytes } = (await a.peer()).resync;
    assert.equal(toSyncBytes, 20 * 1024 * MIB);
    assert.ok(wireBytes > 12 * MIB && wireBytes < 13 * MIB, `${wireBytes} bytes`);
    await Promise.all([a.stop(), b.stop()]);
    assert.ok(statSync(b.image).blocks * 512 < 16 * MIB, 'the copy is sparse, too');
    for (const at of [0, 7000, 20_000])
      execFileSync('cmp', ['-n', `${8 * MIB}`, '-i', `${at * MIB}`, a.image, b.image]);
  });

  it(
    'copies of a file system only what it uses, and loses nothing of it',
    { skip: !isInstalled('partclone.extfs') && 'partclone is not installed' },
    async () => {
      const pair = await newPair('256MiB', ['initialSync: smart']);
      const { a, b, folder } = pair;
      writeFileSync(a.image, randomFillSync(Buffer.allocUnsafe(256 * MIB)));
      const docs = new URL('../../docs', import.meta.url).pathname;
      await run('mkfs.ext4', ['-q', '-F', '-E', 'nodiscard', '-d', docs, a.image]);
      await startSynced(pair);
      const { kind, reason, wireBytes } = (await a.peer()).resync;
      assert.equal(kind, 'smart', `${reason}\n${a.stderr}\n${b.stderr}`);
      assert.match(reason, /not in use/);
      assert.ok(wireBytes < 32 * MIB, `${wireBytes} bytes`);
      // What was not copied is not reported as a difference, and is read where it is.
      assert.equal((await a.run('verify')).code, 0);
      assert.equal((await a.peer()).lastVerify?.differingBytes, 0);
      await a.must('demote');
      await b.must('promote');
      const copy = join(folder, 'copy.img');
      await run('nbdcopy', [b.uri, copy]);
      execFileSync('cmp', [a.image, copy]);
      await a.kill();
      await run('nbdcopy', [b.uri, copy]);
      await run('e2fsck', ['-fn', copy]);
      const { stdout } = await run('debugfs', ['-R', 'cat /reference/disk.md', copy]);
      assert.match(stdout, /eterne disk run/);
    },
  );
});
