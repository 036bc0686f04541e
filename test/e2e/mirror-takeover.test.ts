/** Two real disk processes, real files, real tools: what is acknowledged survives `kill -9`, whichever side it hits. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { until } from './support/cluster-node.ts';
import { mirrorPair, startSynced, type DiskNode, type MirrorPair } from './support/disk-node.ts';
import { Recorder } from './support/recorder.ts';

const MIB = 1024 * 1024;
const run = promisify(execFile);
const open: MirrorPair[] = [];

after(async () => {
  await Promise.all(open.map((pair) => pair.remove()));
});

/** A pair that is removed after the tests, however they end. */
async function newPair(size: string, extra: readonly string[] = []): Promise<MirrorPair> {
  const pair = await mirrorPair(size, extra);
  open.push(pair);
  return pair;
}

async function syncedPair(size: string, extra: readonly string[] = []): Promise<MirrorPair> {
  const pair = await newPair(size, extra);
  await startSynced(pair);
  return pair;
}

const connect = (node: DiskNode): Promise<NbdClient> => NbdClient.open({ path: node.nbdPath }, 'v0');
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Both ended cleanly: their stores are byte-identical. */
async function assertIdentical({ a, b }: MirrorPair): Promise<void> {
  assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
  execFileSync('cmp', [a.image, b.image]);
}

describe('a mirrored pair', { timeout: 600_000 }, () => {
  it('carries a real file system through the loss of its first node, and resyncs only what changed', async () => {
    const pair = await syncedPair('64MiB');
    const { a, b, folder } = pair;
    await assert.rejects(connect(b), /not primary/);
    const image = join(folder, 'ext4.img');
    const source = new URL('../../docs', import.meta.url).pathname;
    await run('mkfs.ext4', ['-q', '-d', source, image, '64m']);
    await run('nbdcopy', ['--flush', image, a.uri]);
    await a.kill();
    await b.must('promote', { force: true });
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', image, b.uri]);
    const copy = join(folder, 'copy.img');
    await run('nbdcopy', [b.uri, copy]);
    await run('e2fsck', ['-fn', copy]);
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x77 1M 512k', b.uri]);
    await a.start();
    await b.wait('synced');
    const resync = (await b.status()).peers[0]?.resync;
    assert.equal(resync?.kind, 'bitmap');
    // Half a MiB was written, and the crashed primary's activity log may add its hot extents; never the whole volume.
    assert.ok(resync.toSyncBytes >= MIB / 2 && resync.toSyncBytes <= 64 * MIB, `${resync.toSyncBytes} bytes`);
    assert.equal((await a.status()).role, 'secondary');
    await assertIdentical(pair);
    const [first, second] = [readFileSync(a.image).subarray(MIB, MIB + 4096), Buffer.alloc(4096, 0x77)];
    assert.deepEqual(first, second);
  });

  it('loses no acknowledged write when the primary is killed under load', async () => {
    const pair = await syncedPair('32MiB');
    const { a, b } = pair;
    const recorder = new Recorder(32 * MIB);
    const load = recorder.run(await connect(a), 16, () => false);
    await until('100 writes are acknowledged', () => recorder.acknowledged > 100);
    await a.kill();
    await load;
    await b.must('promote', { force: true });
    const reader = await connect(b);
    await recorder.check(reader);
    await a.start();
    await b.wait('synced');
    await recorder.check(reader);
    reader.close();
    await assertIdentical(pair);
  });

  it('goes on when the secondary is killed under load, and brings it back with only what changed', async () => {
    const pair = await syncedPair('64MiB');
    const { a, b } = pair;
    const recorder = new Recorder(4 * MIB);
    let stop = false;
    const client = await connect(a);
    const load = recorder.run(client, 8, () => stop);
    await sleep(500);
    await b.kill();
    await until('the secondary is out of the set', async () => (await a.status()).inSyncSet.length === 1);
    const alone = recorder.tried;
    await until('writes go on without the secondary', () => recorder.tried > alone + 8);
    assert.deepEqual((await a.status()).inSyncSet, ['a']);
    await b.start();
    await a.wait('synced');
    stop = true;
    await load;
    await a.wait('synced');
    const status = await a.status();
    assert.deepEqual(status.inSyncSet, ['a', 'b']);
    const resync = status.peers[0]?.resync;
    assert.equal(resync?.kind, 'bitmap');
    assert.ok(resync.toSyncBytes <= 8 * MIB, `${resync.toSyncBytes} bytes for 4 MiB of writes`);
    await recorder.check(client);
    client.close();
    await assertIdentical(pair);
  });

  it('holds writes with onPeerLost: freeze until the peer is back', async () => {
    const pair = await syncedPair('16MiB', ['onPeerLost: freeze']);
    const { a, b } = pair;
    const client = await connect(a);
    await b.kill();
    let answered = false;
    const write = client.write(0, Buffer.alloc(4096, 5)).then((reply) => {
      answered = true;
      return reply;
    });
    await sleep(4000);
    assert.equal(answered, false, 'the write is held');
    assert.equal((await a.status()).heldWrites, 1);
    await b.start();
    assert.equal((await write).error, 0);
    client.close();
    await a.wait('synced');
    await assertIdentical(pair);
  });

  it('starts a killed volume worker again; nothing acknowledged is lost', async () => {
    const pair = await syncedPair('16MiB');
    const { a } = pair;
    const recorder = new Recorder(16 * MIB);
    const load = recorder.run(await connect(a), 8, () => false);
    await sleep(500);
    const [worker] = await a.workerPids();
    assert.ok(worker !== undefined);
    process.kill(worker, 'SIGKILL');
    await load;
    while ((await a.workerPids()).includes(worker) || (await a.status()).disk === 'Attaching')
      await sleep(20);
    await a.wait('connected');
    await a.must('promote', { force: true });
    const reader = await connect(a);
    await recorder.check(reader);
    reader.close();
    await a.wait('synced');
    await assertIdentical(pair);
  });

  it('switches over and back without loss, cutting clients of the ended term', async () => {
    const pair = await syncedPair('16MiB');
    const recorder = new Recorder(16 * MIB);
    let [primary, secondary] = [pair.a, pair.b];
    for (let round = 0; round < 3; round += 1) {
      const load = recorder.run(await connect(primary), 8, () => false);
      await sleep(200);
      await primary.must('demote');
      await load;
      await secondary.must('promote');
      [primary, secondary] = [secondary, primary];
      const reader = await connect(primary);
      await recorder.check(reader);
      reader.close();
    }
    await assertIdentical(pair);
  });

  it('disconnects and connects on command', async () => {
    const pair = await syncedPair('16MiB');
    const { a, b } = pair;
    await a.must('disconnect');
    assert.equal((await a.status()).peers[0]?.connection, 'StandAlone');
    const client = await connect(a);
    assert.equal((await client.write(0, Buffer.alloc(8192, 9))).error, 0);
    client.close();
    await a.must('connect');
    await a.wait('synced');
    // It hears of it a moment later.
    await b.wait('uptodate');
    await assertIdentical(pair);
  });

  it('is steered by the command line, with exit codes and JSON', async () => {
    const { a, b } = await syncedPair('16MiB');
    const shown = await a.run('status', '--json');
    const [volume] = (JSON.parse(shown.stdout) as { volumes: Record<string, unknown>[] }).volumes;
    const keys =
      'name sizeBytes mode role term disk dirtyBytes frozen freezeReason heldWrites inSyncSet setVersion ioErrors remappedSectors attached generation peers';
    for (const key of keys.split(' ')) assert.ok(volume !== undefined && key in volume, key);
    assert.deepEqual(
      [volume?.['role'], volume?.['disk'], volume?.['inSyncSet']],
      ['primary', 'UpToDate', ['a', 'b']],
    );
    assert.match((await a.run('status')).stdout, /v0 {2}16 MiB sync {2}primary UpToDate/);
    assert.equal((await a.run('wait', '--for', 'synced')).code, 0);
    assert.equal((await a.run('demote')).code, 0);
    assert.equal((await b.run('promote')).code, 0);
    const refused = await a.run('promote');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^eterne: [^\n]+\n$/);
    await a.kill();
    const late = await b.run('wait', '--for', 'connected', '--timeout', '100ms');
    assert.deepEqual([late.code, late.stderr], [1, 'eterne: volume v0 is not connected after 100 ms\n']);
  });

  it('ends cleanly on SIGTERM and leaves no process and no socket', async () => {
    const pair = await newPair('16MiB');
    await pair.a.start();
    const workers = await pair.a.workerPids();
    assert.equal(workers.length, 1);
    assert.equal(await pair.a.stop(), 0);
    for (const pid of workers) assert.throws(() => process.kill(pid, 0));
    for (const path of [pair.a.control, pair.a.nbdPath]) assert.throws(() => readFileSync(path), /ENOENT/);
  });
});
