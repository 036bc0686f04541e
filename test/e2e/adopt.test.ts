/** Data that was there before: it becomes a volume where it lies, leaves as it is, and is never mistaken for data that is gone. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { mirrorPair, startSynced, withInternalMetadata, type MirrorPair } from './support/disk-node.ts';

const SIZE_BYTES = 16 * 1024 * 1024;
const pairs: MirrorPair[] = [];

after(async () => {
  await Promise.all(pairs.map((pair) => pair.remove()));
});

async function newPair(): Promise<MirrorPair> {
  const pair = await mirrorPair('16MiB');
  pairs.push(pair);
  return pair;
}

describe('a file with data', { timeout: 600_000 }, () => {
  it('becomes a volume without copying, is mirrored, and leaves as it is', async () => {
    const pair = await newPair();
    const { a, b, folder } = pair;
    const original = join(folder, 'original.img');
    execFileSync('mkfs.ext4', ['-q', '-d', new URL('../../docs', import.meta.url).pathname, original, '16m']);
    copyFileSync(original, a.image);
    const { ino } = statSync(a.image);
    withInternalMetadata(a);
    await startSynced(pair);
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    assert.equal(statSync(a.image).ino, ino);
    for (const image of [a.image, b.image]) execFileSync('cmp', ['-n', String(SIZE_BYTES), original, image]);
    truncateSync(a.image, SIZE_BYTES);
    execFileSync('cmp', [original, a.image]);
    execFileSync('e2fsck', ['-fn', a.image], { stdio: 'ignore' });
  });

  it('that is gone is copied from the peer in full, although the metadata knew it', async () => {
    const pair = await newPair();
    const { a, b } = pair;
    writeFileSync(a.image, Buffer.alloc(SIZE_BYTES, 7));
    await startSynced(pair);
    await b.stop();
    rmSync(b.image);
    await b.start();
    await a.wait('synced');
    const [toB] = (await a.status()).peers;
    assert.match(toB?.resync.kind ?? '', /^(full|smart)$/);
    await Promise.all([a.stop(), b.stop()]);
    execFileSync('cmp', [a.image, b.image]);
    assert.equal(readFileSync(b.image)[SIZE_BYTES - 1], 7);
  });
});
