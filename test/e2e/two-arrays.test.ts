/**
 * Two hosts, two arrays (C3): a volume on a LUN of each of two iSCSI targets, with fio verifying what it reads. Losing either array is no
 * error and no switch-over; losing the host is a switch-over with both arrays.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { LocalReplicaStatus } from '@eterne/disk/engine/api.ts';
import { until } from './support/cluster-node.ts';
import { DiskArray } from './support/disk-array.ts';
import { DiskNode } from './support/disk-node.ts';
import { failingDisk, hasNbdkit } from './support/nbdkit-disk.ts';

const run = promisify(execFile);
const SIZE_BYTES = 16 * 1024 * 1024;
/** In what the arrays have. */
const GROWN_BYTES = 18 * 1024 * 1024;
const absent = ['fio', 'qemu-img'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const endings: (() => Promise<unknown>)[] = [];

after(async () => {
  for (const end of endings.reverse()) await end();
});

/** As a standalone host says that it may take it, and who it is. */
const uriFor = ({ uri }: DiskArray, host: string): string =>
  `${uri}?preempt=yes&initiator=iqn.2026-11.io.eterne:${host}`;

/** What a host that reads the LUN would find of the volume, when that has grown. */
const contentOf = ({ content }: DiskArray): Buffer => content.subarray(0, GROWN_BYTES);

function host(folder: string, name: string, devices: Readonly<Record<string, string>>): DiskNode {
  const lines = [
    `node: ${name}`,
    `control: ${name}.ctl`,
    'volumes:',
    '  - name: v0',
    `    size: ${SIZE_BYTES}`,
    `    devices: ${JSON.stringify(devices)}`,
    '    metadata: internal',
    '    diskTimeout: 10s',
    `    exports: [{ nbd: { listen: unix:${name}.nbd } }]`,
  ];
  return new DiskNode(folder, name, `${lines.join('\n')}\n`);
}

async function replica(node: DiskNode, name: string): Promise<LocalReplicaStatus> {
  const found = (await node.status()).localReplicas?.find((each) => each.name === name);
  assert.ok(found, `${node.name} shows ${name}`);
  return found;
}

/** Writes, reads back and verifies, until told to stop; the pass under way is finished first. */
async function verifiedLoad(folder: string, uri: string, isOver: () => boolean): Promise<number> {
  for (let pass = 1; ; pass += 1) {
    const options = [
      '--name=load',
      '--ioengine=nbd',
      `--uri=${uri}`,
      `--size=${SIZE_BYTES}`,
      '--rw=randrw',
      '--bssplit=4k/60:64k/30:512k/10',
      '--iodepth=8',
      '--fsync=64',
      `--randseed=${pass}`,
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
      '--verify_backlog=256',
    ];
    await run('fio', options, { cwd: folder });
    if (isOver()) return pass;
  }
}

const imageOf = async (node: DiskNode, path: string): Promise<Buffer> => {
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', node.uri, path]);
  return readFileSync(path);
};

describe('two hosts and two arrays', { timeout: 600_000, skip: absent && `needs ${absent}` }, () => {
  it('lose either array unnoticed, and the host to a switch-over with both', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-c3-'));
    const arrays = { d1: new DiskArray(), d2: new DiskArray() };
    endings.push(async () => rmSync(folder, { recursive: true }));
    for (const array of Object.values(arrays)) {
      await array.start();
      endings.push(() => array.remove());
    }
    const devicesOf = (name: string): Record<string, string> => ({
      d1: uriFor(arrays.d1, name),
      d2: uriFor(arrays.d2, name),
    });
    const [a, b] = [host(folder, 'a', devicesOf('a')), host(folder, 'b', devicesOf('b'))];
    for (const node of [a, b]) {
      await node.start();
      endings.push(() => node.kill());
    }
    await a.must('promote', { force: true });
    await a.wait('synced');
    assert.equal((await replica(a, 'd1')).isSource, true);

    let isOver = false;
    const load = verifiedLoad(folder, a.uri, () => isOver);
    // The one that leads, then the one that leads since.
    for (const [lost, left] of [
      ['d1', 'd2'],
      ['d2', 'd1'],
    ] as const) {
      await arrays[lost].kill();
      await until(`${lost} is out`, async () => (await a.status()).inSyncSet.join() === left);
      await arrays[lost].start();
      await a.wait('synced');
      const { kind, toSyncBytes } = (await replica(a, lost)).resync;
      assert.ok(kind === 'bitmap', `${kind} resync of ${toSyncBytes} bytes`);
    }
    isOver = true;
    assert.ok((await load) >= 1);

    const before = await imageOf(a, join(folder, 'before.img'));
    await a.kill();
    await b.must('promote');
    assert.ok(before.equals(await imageOf(b, join(folder, 'after.img'))), 'the other host has other data');
    await b.wait('synced');
    const { code, stderr } = await b.run('resize', '--size', String(GROWN_BYTES));
    assert.equal(code, 0, stderr);
    const last = `write -P 0x5b ${SIZE_BYTES} ${GROWN_BYTES - SIZE_BYTES}`;
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x5a 1M 1M', '-c', last, '-c', 'flush', b.uri]);
    assert.equal(await b.stop(), 0);
    const [first, second] = [contentOf(arrays.d1), contentOf(arrays.d2)];
    assert.ok(first.equals(second), 'the arrays differ');
    assert.deepEqual([first[1024 * 1024], first.at(-1)], [0x5a, 0x5b]);
    await b.start();
    await b.must('promote');
    assert.equal((await b.status()).sizeBytes, GROWN_BYTES, 'it is larger than its configuration says');
  });
});

describe('two disks in one server', { timeout: 600_000, skip: !hasNbdkit && 'needs nbdkit' }, () => {
  it('lose the one that serves unnoticed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-two-disks-'));
    endings.push(async () => rmSync(folder, { recursive: true }));
    const trigger = join(folder, 'never');
    const disk = await failingDisk(folder, '24M', { errno: 'EIO', operations: ['pread'], trigger });
    endings.push(() => disk.stop());
    const node = host(folder, 'a', { one: disk.uri, two: 'two.img' });
    await node.start();
    endings.push(() => node.kill());
    await node.must('promote', { force: true });
    await node.wait('synced');
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x11 0 1M', node.uri]);
    await disk.stop();
    await run('qemu-io', ['-f', 'raw', '-c', 'read -P 0x11 0 1M', '-c', 'write -P 0x22 1M 1M', node.uri]);
    const { inSyncSet, frozen, role } = await node.status();
    assert.deepEqual([inSyncSet, frozen, role], [['two'], false, 'primary']);
    assert.equal(await node.stop(), 0);
    const content = readFileSync(join(folder, 'two.img'));
    assert.deepEqual([content[0], content[1024 * 1024]], [0x11, 0x22]);
  });

  it('are refused where the configuration says what cannot be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-two-disks-'));
    endings.push(async () => rmSync(folder, { recursive: true }));
    const node = host(folder, 'a', { one: 'one.img' });
    await assert.rejects(node.start(), /devices are at least two/);
    writeFileSync(node.configPath, readFileSync(node.configPath, 'utf8').replace('}', ',"two":"one.img"}'));
    await assert.rejects(node.start(), /one.img is used twice/);
  });
});
