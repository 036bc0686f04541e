/**
 * Two hosts, two arrays (C3): a volume on a LUN of each of two iSCSI targets, with fio verifying what it reads. Losing either array is no
 * error and no switch-over; losing the host is a switch-over with both arrays.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { EterneError } from '@eterne/base';
import type { LocalReplicaStatus } from '@eterne/disk/engine/api.ts';
import { withIscsiStores } from '@eterne/iscsi/initiator/store.ts';
import type { BlockStore, StoreError } from '@eterne/runtime';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
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

interface Place {
  readonly metadata: string;
  readonly export: string;
}

function host(
  folder: string,
  name: string,
  devices: Readonly<Record<string, string>>,
  place: Place = { metadata: 'internal', export: `nbd: { listen: unix:${name}.nbd }` },
): DiskNode {
  const lines = [
    `node: ${name}`,
    `control: ${name}.ctl`,
    'volumes:',
    '  - name: v0',
    `    size: ${SIZE_BYTES}`,
    `    devices: ${JSON.stringify(devices)}`,
    `    metadata: ${place.metadata}`,
    '    diskTimeout: 10s',
    `    exports: [{ ${place.export} }]`,
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

/** As a disk does that forgets what it was given. */
function alter(path: string, offset: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, offset);
  fsyncSync(file);
  closeSync(file);
}

const stores = withIscsiStores(createNodeWorld('test'));

/** A target that begins refuses log-ins as "service unavailable". */
async function opened(uri: string): Promise<BlockStore> {
  let result: BlockStore | EterneError | undefined;
  await until('the LUN is open', async () => {
    result = await new Promise<BlockStore | EterneError>((resolve) => stores.open(uri, {}, resolve));
    return !(result instanceof EterneError);
  });
  assert.ok(result !== undefined && !(result instanceof EterneError));
  return result;
}

const written = (store: BlockStore, fill: number): Promise<StoreError | undefined> =>
  new Promise((resolve) => store.write(0, Buffer.alloc(4096, fill), resolve));

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

  it('are compared with each other, and repaired', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-two-disks-'));
    endings.push(async () => rmSync(folder, { recursive: true }));
    const node = host(folder, 'a', { one: 'one.img', two: 'two.img' });
    await node.start();
    endings.push(() => node.kill());
    await node.must('promote', { force: true });
    await node.wait('synced');
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x11 0 1M', '-c', 'flush', node.uri]);
    alter(join(folder, 'two.img'), 65_536);
    const found = await node.run('verify');
    assert.equal(found.code, 0, found.stderr);
    const { differingBytes, isDone } = (await replica(node, 'two')).lastVerify ?? {};
    assert.deepEqual([differingBytes, isDone], [4096, true]);
    const repaired = await node.run('verify', '--repair');
    assert.equal(repaired.code, 0, repaired.stderr);
    await node.wait('synced');
    assert.equal(await node.stop(), 0);
    const [one, two] = ['one.img', 'two.img'].map((file) => readFileSync(join(folder, file)));
    assert.ok(two && one?.subarray(0, SIZE_BYTES).equals(two.subarray(0, SIZE_BYTES)), 'they differ');
  });

  it('are an iSCSI target, also while one after the other is lost', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-two-disks-'));
    endings.push(async () => rmSync(folder, { recursive: true }));
    const disk = await failingDisk(folder, '24M', {
      errno: 'EIO',
      operations: ['pread'],
      trigger: join(folder, 'never'),
    });
    endings.push(() => disk.stop());
    const [port, iqn] = [await freePort(), 'iqn.2026-11.io.eterne:two'];
    const place = {
      metadata: 'v0.meta',
      export: `iscsi: { listen: "127.0.0.1:${port}", iqn: "${iqn}" }`,
    };
    const node = host(folder, 'a', { one: disk.uri, two: 'two.img' }, place);
    await node.start();
    endings.push(() => node.kill());
    await node.must('promote', { force: true });
    await node.wait('synced');
    const uri = `iscsi://127.0.0.1:${port}/${iqn}/1?preempt=yes&initiator=iqn.2026-11.io.eterne:`;
    // Each takes the LUN by a reservation, which is kept before it is answered.
    const first = await opened(`${uri}host-a`);
    assert.equal(await written(first, 1), undefined);
    await disk.stop();
    assert.equal(await written(first, 2), undefined);
    assert.deepEqual((await node.status()).inSyncSet, ['two']);
    const second = await opened(`${uri}host-b`);
    assert.equal((await written(first, 3))?.kind, 'reservation-conflict');
    assert.equal(await written(second, 4), undefined);
  });

  it('are refused where the configuration says what cannot be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-two-disks-'));
    endings.push(async () => rmSync(folder, { recursive: true }));
    const node = host(folder, 'a', { one: 'one.img' });
    await assert.rejects(node.start(), /devices are at least two/);
    writeFileSync(node.configPath, readFileSync(node.configPath, 'utf8').replace('}', ',"two":"one.img"}'));
    await assert.rejects(node.start(), /one.img is used twice/);
    const place = {
      metadata: 'v0.meta',
      export: 'iscsi: { listen: "127.0.0.1:0", iqn: "iqn.2026-11.io.eterne:x" }',
    };
    const shared = host(folder, 'b', { one: 'iscsi://127.0.0.1/iqn.x:y/1', two: 'two.img' }, place);
    await assert.rejects(shared.start(), /its reservations would not move there/);
  });
});
