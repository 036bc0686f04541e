/** A volume that grows while it is in use, with real processes, and one that is killed while it does. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { until } from './support/cluster-node.ts';
import { mirrorPair, startSynced, withInternalMetadata, type MirrorPair } from './support/disk-node.ts';
import { LoopDevice, loopMissing } from './support/loop-device.ts';
import { Recorder } from './support/recorder.ts';

const MIB = 1024 * 1024;
const MISSING = ['qemu-io', 'qemu-img'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const open: MirrorPair[] = [];
const devices: LoopDevice[] = [];

after(async () => {
  await Promise.all(open.map((pair) => pair.remove()));
  for (const device of devices) device.remove();
});

const qemuIo = (uri: string, ...commands: readonly string[]): string =>
  execFileSync('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri], {
    encoding: 'utf8',
  });
const sizeShown = (uri: string): number =>
  (
    JSON.parse(
      execFileSync('qemu-img', ['info', '-f', 'raw', '--output=json', uri], { encoding: 'utf8' }),
    ) as {
      'virtual-size': number;
    }
  )['virtual-size'];

describe('growing', { timeout: 600_000, skip: MISSING && `needs ${MISSING}` }, () => {
  it('goes on under load, over a killed peer and a killed primary, and loses nothing', async () => {
    const pair = await mirrorPair('64MiB', ['initialSync: none']);
    open.push(pair);
    const { a, b } = pair;
    // Its metadata is in the way each time; the other one keeps it in a file.
    withInternalMetadata(a);
    await startSynced(pair);

    const recorder = new Recorder(32 * MIB);
    let isOver = false;
    const load = recorder.run(await NbdClient.open({ path: a.nbdPath }, 'v0'), 4, () => isOver);
    const { code, stderr } = await a.run('resize', '--size', '640MiB');
    isOver = true;
    await load;
    assert.equal(code, 0, stderr);
    assert.ok(recorder.acknowledged > 0, 'it was in use');
    assert.equal(sizeShown(a.uri), 640 * MIB);
    assert.match(qemuIo(a.uri, 'read -P 0 64M 8M', 'write -P 0x61 600M 8M', 'flush'), /wrote 8388608/);

    const smaller = await a.run('resize', '--size', '64MiB');
    assert.equal(smaller.code, 1);
    assert.match(smaller.stderr, /would destroy what lies there/);

    const cut = a.run('resize', '--size', '900MiB');
    await b.kill();
    await cut;
    qemuIo(a.uri, 'write -P 0x62 0 1M', 'flush');
    await b.start();
    await a.wait('synced');
    const again = await a.run('resize', '--size', '900MiB');
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual([(await a.status()).sizeBytes, (await b.status()).sizeBytes], [900 * MIB, 900 * MIB]);
    qemuIo(a.uri, 'write -P 0x63 892M 8M', 'flush');

    const last = a.run('resize', '--size', '1GiB');
    await a.kill();
    await last;
    await b.must('promote', { force: true });
    assert.match(
      qemuIo(
        b.uri,
        'read -P 0x61 600M 8M',
        'read -P 0x63 892M 8M',
        'read -P 0x62 0 1M',
        'write -P 0x64 890M 1M',
      ),
      /wrote 1048576/,
    );
    await a.start();
    await b.wait('synced');
    const sizes = [(await a.status()).sizeBytes, (await b.status()).sizeBytes];
    assert.equal(sizes[0], sizes[1]);
    assert.equal(sizeShown(b.uri), sizes[0]);
    assert.match(a.stderr, /its configuration says 67108864: it has grown since/);
    await Promise.all([b.stop(), a.stop()]);
    execFileSync('cmp', ['-n', String(sizes[0]), a.image, b.image]);
    assert.ok(statSync(a.image).size >= 900 * MIB);
  });
});

const NO_DEVICES = loopMissing();

describe(
  'growing on block devices that are enlarged',
  { timeout: 600_000, skip: MISSING ? `needs ${MISSING}` : NO_DEVICES },
  () => {
    it('waits for both of them, goes on under load and over a restart, and loses nothing', async () => {
      // The metadata of `a` lies behind its data, that of `b` in a file.
      const pair = await mirrorPair('64MiB', ['initialSync: none'], (node, folder) => {
        const device = new LoopDevice(join(folder, `${node}.disk`), (node === 'a' ? 80 : 64) * MIB);
        devices.push(device);
        return { device: device.path, metadata: node === 'a' ? 'internal' : 'b.meta' };
      });
      open.push(pair);
      const { a, b } = pair;
      const [deviceA, deviceB] = devices as [LoopDevice, LoopDevice];
      await startSynced(pair);

      const recorder = new Recorder(32 * MIB);
      let isOver = false;
      const load = recorder.run(await NbdClient.open({ path: a.nbdPath }, 'v0'), 4, () => isOver);
      const withoutRoom = await a.run('resize', '--size', '160MiB');
      deviceA.enlarge(192 * MIB);
      const halfRoom = await a.run('resize', '--size', '160MiB');
      deviceB.enlarge(160 * MIB);
      const { code, stderr } = await a.run('resize', '--size', '160MiB');
      isOver = true;
      await load;
      for (const { code: refused, stderr: reason } of [withoutRoom, halfRoom]) {
        assert.equal(refused, 1);
        assert.match(reason, /cannot grow: \/dev\/loop/);
      }
      assert.equal(code, 0, stderr);
      assert.ok(recorder.acknowledged > 0, 'it was in use');
      assert.equal(sizeShown(a.uri), 160 * MIB);
      qemuIo(a.uri, 'read -P 0 64M 96M', 'write -P 0x61 150M 8M', 'flush');

      // Nothing is at the end of a device that was enlarged while nobody had it open.
      await a.stop();
      deviceA.enlarge(320 * MIB);
      await a.start();
      await b.must('promote', { force: true });
      // Until then `a` may not have heard of it, and be up to date for what was before.
      await until('a is in the set of b', async () => (await b.status()).inSyncSet.length === 2);
      await b.must('demote');
      await a.wait('uptodate');
      await a.must('promote');
      assert.equal((await a.status()).sizeBytes, 160 * MIB);
      await recorder.check(await NbdClient.open({ path: a.nbdPath }, 'v0'));
      assert.match(qemuIo(a.uri, 'read -P 0x61 150M 8M'), /read 8388608/);

      deviceB.enlarge(256 * MIB);
      const again = await a.run('resize', '--size', '256MiB');
      assert.equal(again.code, 0, again.stderr);
      qemuIo(a.uri, 'write -P 0x62 248M 8M', 'flush');
      await a.kill();
      await a.start();
      await a.wait('connected');
      await a.must('promote', { force: true });
      await a.wait('synced');
      assert.match(qemuIo(a.uri, 'read -P 0x61 150M 8M', 'read -P 0x62 248M 8M'), /read 8388608/);
      await Promise.all([a.stop(), b.stop()]);
      execFileSync('cmp', ['-n', String(256 * MIB), deviceA.path, deviceB.path]);
    });
  },
);
