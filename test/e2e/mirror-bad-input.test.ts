/** Wrong configurations, foreign and damaged metadata, hostile bytes: one clear line, and never a lost byte. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closed } from '../../packages/disk/test/support/closed.ts';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { DiskNode, eterne, mirrorPair, startSynced, type MirrorPair } from './support/disk-node.ts';

const SLOT_BYTES = 4096;
let pair: MirrorPair;
let configuration: string;

/** `eterne disk run` must end at once: exit 2 and one line on stderr that matches. */
async function refuses(node: DiskNode, line: RegExp): Promise<void> {
  const { code, stdout, stderr } = await eterne('disk', 'run', '--config', node.configPath);
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  const lines = stderr.split('\n').filter((text) => text !== '');
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0] ?? '', line);
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** A node on its own folder with the stores of node `a` copied into it and its configuration edited. */
function variant(name: string, edit: (text: string) => string = (text) => text): DiskNode {
  const folder = join(pair.folder, name);
  mkdirSync(folder);
  for (const file of ['a.img', 'a.meta']) copyFileSync(join(pair.folder, file), join(folder, file));
  return new DiskNode(folder, 'a', edit(configuration));
}

before(async () => {
  pair = await mirrorPair('16MiB');
  await startSynced(pair);
  const client = await NbdClient.open({ path: pair.a.nbdPath }, 'v0');
  await client.write(0, Buffer.alloc(4096, 0x42));
  client.close();
  await Promise.all([pair.a.stop(), pair.b.stop()]);
  configuration = readFileSync(pair.a.configPath, 'utf8');
});

after(() => pair.remove());

describe('a disk process that cannot start', { timeout: 600_000 }, () => {
  it('names file, line and key of a wrong configuration', async () => {
    await refuses(
      variant('unknown-key', (text) => text.replace('mode:', 'mood:')),
      /a\.yaml:7: unknown key volumes\.0\.mood$/,
    );
  });

  it('names a device whose folder is missing', async () => {
    await refuses(
      variant('no-device', (text) => text.replace('a.img', 'nowhere/a.img')),
      /nowhere\/a\.img/,
    );
  });

  it('refuses sizes that do not fit the metadata', async () => {
    await refuses(
      variant('size', (text) => text.replace('16MiB', '32MiB')),
      /size|MiB|bytes/i,
    );
  });

  it('refuses metadata of another volume, and touches nothing', async () => {
    const node = variant('foreign', (text) => text.replace('name: v0', 'name: v1'));
    const before = [readFileSync(node.image), readFileSync(node.metadata)];
    await refuses(node, /v0/);
    assert.deepEqual([readFileSync(node.image), readFileSync(node.metadata)], before);
  });

  it('serves from the other superblock slot when one is damaged', async () => {
    for (const slot of [0, 1]) {
      const node = variant(`slot-${slot}`);
      overwrite(node.metadata, slot * SLOT_BYTES, randomBytes(SLOT_BYTES));
      await node.start();
      await node.must('promote', { force: true });
      const client = await NbdClient.open({ path: node.nbdPath }, 'v0');
      assert.deepEqual((await client.read(0, 4096)).data, Buffer.alloc(4096, 0x42));
      client.close();
      assert.equal(await node.stop(), 0);
    }
  });

  it('refuses when both superblock slots are damaged, and touches nothing', async () => {
    const node = variant('both-slots');
    overwrite(node.metadata, 0, randomBytes(2 * SLOT_BYTES));
    const before = [readFileSync(node.image), readFileSync(node.metadata)];
    await refuses(node, /superblock|metadata/i);
    assert.deepEqual([readFileSync(node.image), readFileSync(node.metadata)], before);
  });

  it('refuses to run twice, on the same control socket, ports or stores', async () => {
    const other = await mirrorPair('16MiB');
    await other.a.start();
    try {
      await refuses(other.a, /a\.ctl/);
      const text = readFileSync(other.a.configPath, 'utf8');
      writeFileSync(other.b.configPath, text.replace('a.ctl', 'other.ctl').replace('a.nbd', 'other.nbd'));
      await refuses(other.b, /in use|busy|EADDRINUSE/i);
      const stores = text.replace('a.img', 'c.img').replace('a.meta', 'c.meta');
      writeFileSync(other.b.configPath, stores.replace('a.ctl', 'other.ctl').replace('a.nbd', 'other.nbd'));
      await refuses(other.b, /EADDRINUSE|in use/);
      assert.equal((await other.a.status()).disk, (await other.a.status()).disk);
    } finally {
      await other.remove();
    }
  });
});

describe('hostile bytes', { timeout: 600_000 }, () => {
  it('on the NBD, replication and control sockets are dropped; service goes on and nothing is lost', async () => {
    await Promise.all([pair.a.start(), pair.b.start()]);
    await pair.a.must('promote');
    await pair.a.wait('synced');
    const port = Number(/listen: 127\.0\.0\.1:(\d+)/.exec(configuration)?.[1]);
    const doors = [{ path: pair.a.nbdPath }, { path: pair.a.control }, { host: '127.0.0.1', port }];
    const openings = ['', 'ETERNE-MIRROR/1 v0 b\n', 'ETERNE-MIRROR/1 v9 b\n', 'GET / HTTP/1.1\r\n\r\n'];
    for (const door of doors)
      for (const opening of openings) {
        const socket = connect(door as { path: string });
        socket.write(Buffer.concat([Buffer.from(opening), randomBytes(64 * 1024)]));
        socket.end();
        await closed(socket);
      }
    const client = await NbdClient.open({ path: pair.a.nbdPath }, 'v0');
    assert.deepEqual((await client.read(0, 4096)).data, Buffer.alloc(4096, 0x42));
    assert.equal((await client.write(4096, Buffer.alloc(4096, 1))).error, 0);
    client.close();
    await pair.a.wait('synced');
    assert.equal((await pair.a.status()).role, 'primary');
  });
});
