import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore, OpenStoreOptions, StoreError } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { ByteDevice } from '../../src/nbd/byte-device.ts';
import { withNbdStores } from '../../src/nbd/client/store.ts';
import { NbdServer } from '../../src/nbd/server.ts';
import { MemoryDevice } from '../support/memory-device.ts';

const SIZE = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'eterne-nbd-store-'));
const path = join(folder, 'nbd.sock');
const world = { ...createNodeWorld('test'), log: () => {} };
const stores = withNbdStores(world);
let server: NbdServer;

function open(device: MemoryDevice, options: OpenStoreOptions = {}): Promise<BlockStore | EterneError> {
  server.serve(new ByteDevice(device));
  return new Promise((resolve) => stores.open(`nbd+unix:///v0?socket=${path}`, options, resolve));
}

async function opened(device: MemoryDevice, options: OpenStoreOptions = {}): Promise<BlockStore> {
  const store = await open(device, options);
  assert.ok(!(store instanceof EterneError));
  return store;
}

const outcome = (
  start: (done: (error: StoreError | undefined) => void) => void,
): Promise<StoreError | undefined> => new Promise((resolve) => start(resolve));

async function operations(device: MemoryDevice, count: number): Promise<void> {
  while (device.pending.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

before(async () => {
  server = await new Promise<NbdServer>((resolve, reject) =>
    NbdServer.listen(world, `unix:${path}`, 'v0', (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    ),
  );
});

after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

describe('an NBD export as a store', () => {
  it('reads, writes, zeroes and flushes', async () => {
    const device = new MemoryDevice(SIZE, { immediate: true });
    const store = await opened(device);
    assert.equal(store.sizeBytes, SIZE);
    assert.equal(await outcome((done) => store.write(4096, Buffer.alloc(8192, 7), done)), undefined);
    assert.equal(await outcome((done) => store.writeZeroes(4096, 4096, true, done)), undefined);
    assert.equal(await outcome((done) => store.flush(done)), undefined);
    const into = Buffer.alloc(8192, 1);
    assert.equal(await outcome((done) => store.read(4096, into, done)), undefined);
    assert.deepEqual(into, Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 7)]));
    await new Promise<void>((resolve) => store.close(resolve));
  });

  it('tells a bad sector from a full disk, and goes on after both', async () => {
    const device = new MemoryDevice(SIZE);
    const store = await opened(device);
    const cases = [
      ['EIO', 'sector'],
      ['ENOSPC', 'logical'],
    ] as const;
    for (const [errno, kind] of cases) {
      const write = outcome((done) => store.write(0, Buffer.alloc(4096), done));
      await operations(device, 1);
      device.finish(0, errno);
      assert.equal((await write)?.kind, kind);
    }
    device.immediate = true;
    assert.equal(await outcome((done) => store.read(0, Buffer.alloc(512), done)), undefined);
    store.close(() => {});
  });

  it('is a failed device once its connection is lost', async () => {
    const device = new MemoryDevice(SIZE);
    const store = await opened(device);
    const write = outcome((done) => store.write(0, Buffer.alloc(4096), done));
    await operations(device, 1);
    server.withdraw();
    assert.equal((await write)?.kind, 'device');
    assert.equal((await outcome((done) => store.flush(done)))?.kind, 'device');
  });

  it('gives up on a server that does not answer', async () => {
    const store = await opened(new MemoryDevice(SIZE), { timeoutMs: 200 });
    const [read, flush] = await Promise.all([
      outcome((done) => store.read(0, Buffer.alloc(512), done)),
      outcome((done) => store.flush(done)),
    ]);
    assert.equal(read?.kind, 'timeout');
    assert.equal(flush?.kind, 'timeout');
    assert.equal((await outcome((done) => store.write(0, Buffer.alloc(512), done)))?.kind, 'timeout');
  });

  it('refuses an export that it may not write to', async () => {
    const store = await open(new MemoryDevice(SIZE, { readOnly: true }));
    assert.ok(store instanceof EterneError);
    assert.equal(store.code, 'unsupported');
  });
});
