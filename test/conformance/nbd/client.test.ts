/** Our NBD client against a server that we did not write. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { openNbd, type NbdClient, type NbdDone } from '@eterne/disk/nbd/client/client.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { hasNbdkit, NbdkitDisk } from '../../e2e/support/nbdkit-disk.ts';

const world = createNodeWorld('test');

const open = (uri: string, onClose: () => void = () => {}): Promise<NbdClient> =>
  new Promise((resolve, reject) => {
    openNbd(world, uri, { timeoutMs: 2000, onClose }, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });

const run = (operation: (done: NbdDone) => void): Promise<void> =>
  new Promise((resolve, reject) => operation((error) => (error ? reject(error) : resolve())));

test(
  'opens, writes, reads, trims and flushes an export of nbdkit',
  { skip: !hasNbdkit && 'nbdkit is not installed' },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-nbd-'));
    const socket = join(folder, 'kit.sock');
    const kit = await NbdkitDisk.start(socket, ['memory', '8M']);
    try {
      let closed = false;
      const client = await open(kit.uri, () => (closed = true));
      assert.equal(client.sizeBytes, 8 << 20);
      const blocks = Array.from({ length: 300 }, (_, index) => Buffer.alloc(4096, index % 255));
      await Promise.all(
        blocks.map((block, index) => run((done) => client.write(index * 4096, block, false, done))),
      );
      await run((done) => client.flush(done));
      const big = Buffer.alloc(300 * 4096);
      await run((done) => client.read(0, big, done));
      assert.ok(big.equals(Buffer.concat(blocks)));
      await run((done) => client.trim(4096, 4096, done));
      const hole = Buffer.alloc(4096, 1);
      await run((done) => client.read(4096, hole, done));
      assert.ok(hole.equals(Buffer.alloc(4096)));
      await assert.rejects(
        run((done) => client.read(8 << 20, hole, done)),
        { code: 'io' },
      );
      await kit.hang();
      const underWay = run((done) => client.read(0, hole, done));
      await Promise.all([assert.rejects(underWay, { code: 'unreachable' }), kit.stop()]);
      assert.ok(closed);
      await assert.rejects(
        run((done) => client.read(0, hole, done)),
        { code: 'unreachable' },
      );
    } finally {
      await kit.stop();
      rmSync(folder, { recursive: true });
    }
  },
);

test('nothing there, or something else there, is an error', async () => {
  await assert.rejects(open('nbd+unix:///?socket=/nonexistent.sock'), { code: 'not-found' });
  await assert.rejects(open('http://127.0.0.1/'), { code: 'config' });
});
