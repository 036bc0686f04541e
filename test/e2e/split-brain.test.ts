/**
 * A split brain between real disk processes with a real ext4: found by both, explained by files, resolved by hand; what was discarded is
 * exported, checked by e2fsck and read. And a copy whose source dies half-way is undone.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { eterne, mirrorPair, startSynced, type DiskNode, type MirrorPair } from './support/disk-node.ts';

const MIB = 1024 * 1024;
const BLOCK = 4096;
const run = promisify(execFile);
const open: MirrorPair[] = [];
const RESCUE = 'rescueJournal: { path: NODE.rescue, max: 64MiB }';

after(async () => {
  await Promise.all(open.map((pair) => pair.remove()));
});

async function rescuedPair(size: string, ...extra: readonly string[]): Promise<MirrorPair> {
  const pair = await mirrorPair(size, [RESCUE, ...extra]);
  open.push(pair);
  await startSynced(pair);
  return pair;
}

async function until(isDone: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!(await isDone())) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Writes what differs between two images, as a file system would. */
async function writeDifference(node: DiskNode, before: Buffer, after_: Buffer): Promise<void> {
  const client = await NbdClient.open({ path: node.nbdPath }, 'v0');
  for (let at = 0; at < after_.length; at += BLOCK) {
    const block = after_.subarray(at, at + BLOCK);
    if (!block.equals(before.subarray(at, at + BLOCK)))
      assert.equal((await client.write(at, block)).error, 0);
  }
  await client.flush();
  client.close();
}

/** The image with one more file in its file system. */
function withFile(folder: string, image: string, name: string, content: Buffer): Buffer {
  const copy = join(folder, `${name}.img`);
  const file = join(folder, name);
  execFileSync('cp', ['--sparse=always', image, copy]);
  writeFileSync(file, content);
  execFileSync('debugfs', ['-w', '-R', `write ${file} ${name}`, copy], { stdio: 'pipe' });
  return readFileSync(copy);
}

async function json<T>(node: DiskNode, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await eterne('disk', ...args, '--control', node.control, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

const points = async (node: DiskNode): Promise<readonly PointStatus[]> =>
  (await json<{ points: PointStatus[] }>(node, 'rescue', 'list', 'v0')).points;

const isParted = async (node: DiskNode): Promise<boolean> => {
  const [peer] = (await node.status()).peers;
  return peer?.splitBrain === true && peer.connection === 'StandAlone';
};

/** `a` wrote `kept.bin`, `b` by force `lost.bin`; the link is back. */
async function splitPair(): Promise<{ pair: MirrorPair; lost: Buffer }> {
  const pair = await rescuedPair('48MiB');
  const { a, b, folder } = pair;
  const image = join(folder, 'fs.img');
  const source = join(folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'before.txt'), 'both have it\n');
  await run('mkfs.ext4', ['-q', '-d', source, image, '48m']);
  await run('nbdcopy', ['--flush', image, a.uri]);
  const base = readFileSync(image);
  const [kept, lost] = [Buffer.alloc(300_000, 'a'), Buffer.alloc(200_000, 'b')];
  await a.must('disconnect');
  await until(async () => (await b.status()).peers[0]?.connection === 'Connecting', 'b has lost a');
  await b.must('promote', { force: true });
  await writeDifference(a, base, withFile(folder, image, 'kept.bin', kept));
  await writeDifference(b, base, withFile(folder, image, 'lost.bin', lost));
  await a.must('connect');
  await until(async () => (await isParted(a)) && (await isParted(b)), 'both see the split brain');
  return { pair, lost };
}

describe('a split brain', { timeout: 600_000 }, () => {
  it('is explained by files, resolved, and the discarded side can be mounted again', async () => {
    const { pair, lost } = await splitPair();
    const { a, b, folder } = pair;
    const { volumes } = await json<{ volumes: { splitBrains: SplitBrainReport[] }[] }>(
      a,
      'status',
      '--split-brain',
      'v0',
    );
    const [report] = volumes[0]?.splitBrains ?? [];
    assert.ok(report?.remote, report?.remoteNote);
    assert.deepEqual(
      report.local.files.map(({ path }) => path).filter((path) => path.endsWith('.bin')),
      ['/kept.bin'],
    );
    assert.deepEqual(
      report.remote.files.map(({ path }) => path).filter((path) => path.endsWith('.bin')),
      ['/lost.bin'],
    );
    assert.ok(report.remote.changedBytes >= 200_000 && report.remote.changedBytes < 2 * MIB);
    const held = readFileSync(b.image);

    const resolved = await b.run('resolve', '--discard-local');
    assert.equal(resolved.code, 0, resolved.stderr);
    await a.wait('synced');
    const client = await NbdClient.open({ path: a.nbdPath }, 'v0');
    assert.equal((await client.write(40 * MIB, Buffer.alloc(MIB, 3))).error, 0);
    client.close();
    assert.deepEqual(
      (await points(b)).map(({ state, whole, peer }) => [state, whole, peer]),
      [['kept', true, 'a']],
    );
    assert.deepEqual(await points(a), []);

    const image = join(folder, 'discarded.img');
    await json(b, 'rescue', 'export', 'v0', '--to', image);
    assert.ok(readFileSync(image).equals(held), 'the image is what b held');
    await run('e2fsck', ['-fn', image]);
    const { stdout } = await run('debugfs', ['-R', 'cat /lost.bin', image], { encoding: 'buffer' });
    assert.ok(stdout.equals(lost), 'its file can be read');

    await json(b, 'rescue', 'drop', 'v0', '--id', '1');
    assert.deepEqual(await points(b), []);
    await a.wait('synced');
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
  });

  it('of two primaries is settled by policy: the younger steps down and loses', async () => {
    const policy = 'splitBrain: { twoPrimaries: discard-younger-primary }';
    const { a, b } = await rescuedPair('16MiB', policy);
    await a.must('disconnect');
    await until(async () => (await b.status()).peers[0]?.connection === 'Connecting', 'b has lost a');
    await b.must('promote', { force: true });
    for (const [node, fill] of [
      [a, 1],
      [b, 2],
    ] as const) {
      const client = await NbdClient.open({ path: node.nbdPath }, 'v0');
      assert.equal((await client.write(0, Buffer.alloc(BLOCK, fill))).error, 0);
      client.close();
    }
    await a.must('connect');
    await a.wait('synced');
    assert.deepEqual([(await a.status()).role, (await b.status()).role], ['primary', 'secondary']);
    assert.equal((await points(b)).length, 1);
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
    assert.equal(readFileSync(a.image)[0], 1);
  });
});

describe('a copy whose source dies half-way', { timeout: 600_000 }, () => {
  it('is undone: the target is what it was, and can be promoted', async () => {
    const { a, b } = await rescuedPair('64MiB', 'resyncRate: { min: 1MiB, max: 1MiB }');
    const client = await NbdClient.open({ path: a.nbdPath }, 'v0');
    for (let at = 0; at < 32 * MIB; at += MIB) await client.write(at, Buffer.alloc(MIB, 1));
    await client.flush();
    const held = readFileSync(b.image);
    await a.must('disconnect');
    await until(async () => (await b.status()).peers[0]?.connection === 'Connecting', 'b has lost a');
    for (let at = 0; at < 32 * MIB; at += MIB) await client.write(at, Buffer.alloc(MIB, 2));
    await a.must('connect');
    await until(async () => !readFileSync(b.image).equals(held), 'the copy is under way');
    assert.equal((await b.status()).disk, 'Inconsistent');
    await a.kill();
    client.close();
    await until(async () => (await b.status()).disk === 'Outdated', 'b goes back');
    assert.ok(readFileSync(b.image).equals(held));
    await b.must('promote', { force: true });
    const reader = await NbdClient.open({ path: b.nbdPath }, 'v0');
    assert.equal((await reader.read(0, BLOCK)).data[0], 1);
    reader.close();
  });
});
