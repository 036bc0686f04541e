import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore, OpenStoreOptions, StoreDone, StoreError } from '../src/index.ts';
import { nodeStores } from '../src/node/stores.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'eterne-store-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const open = (name: string, options: OpenStoreOptions): Promise<BlockStore> =>
  new Promise((resolve, reject) => {
    nodeStores.open(join(folder, name), options, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
const run = (operation: (done: StoreDone) => void): Promise<StoreError | undefined> =>
  new Promise((resolve) => operation(resolve));
const close = (store: BlockStore): Promise<void> => new Promise((resolve) => store.close(resolve));

test('a store is created sparse, written, flushed, read back', async () => {
  const store = await open('a.img', { createSizeBytes: 1 << 24 });
  assert.equal(store.sizeBytes, 1 << 24);
  const data = Buffer.alloc(8192, 'eterne');
  assert.equal(await run((done) => store.write(4096, data, done)), undefined);
  assert.equal(await run((done) => store.flush(done)), undefined);
  const back = Buffer.alloc(8192);
  assert.equal(await run((done) => store.read(4096, back, done)), undefined);
  assert.ok(back.equals(data));
  assert.ok(statSync(join(folder, 'a.img')).blocks * 512 < 1 << 20, 'sparse');
  await close(store);
});

test('long writes of a store that shares its thread go in pieces side by side, and are done when the last one is', async () => {
  const store = await open('a.img', { createSizeBytes: 1 << 23, shared: true });
  const lengthBytes = (1 << 21) + 100; // more pieces than a store may have under way
  const [first, second] = [1, 2].map((fill) => Buffer.alloc(lengthBytes, fill));
  assert.ok(first && second);
  const secondAt = 4_000_001;
  const written = [
    run((done) => store.write(3, first, done)),
    run((done) => store.write(secondAt, second, done)),
  ];
  assert.deepEqual(await Promise.all(written), [undefined, undefined]);
  const content = readFileSync(join(folder, 'a.img'));
  assert.ok(content.subarray(3, 3 + lengthBytes).equals(first));
  assert.ok(content.subarray(secondAt, secondAt + lengthBytes).equals(second));
  assert.deepEqual([content[2], content[3 + lengthBytes]], [0, 0]);
  let closed = false;
  const last = run((done) => store.write(0, second, done)).then(() => assert.ok(!closed));
  await close(store);
  closed = true;
  await last;
});

test('a hole punched or zeroes written read as zeroes', async () => {
  const store = await open('a.img', { createSizeBytes: 1 << 20 });
  const ones = Buffer.alloc(1 << 20, 1);
  await run((done) => store.write(0, ones, done));
  assert.equal(await run((done) => store.discard(65536, 65536, done)), undefined);
  assert.equal(await run((done) => store.writeZeroes(262144, 4096, false, done)), undefined);
  await close(store);
  const content = readFileSync(join(folder, 'a.img'));
  ones.fill(0, 65536, 131072).fill(0, 262144, 266240);
  assert.ok(content.equals(ones));
});

test('a store is exclusive, must exist or be given a size, and is never shrunk', async () => {
  await assert.rejects(open('absent.img', {}), { code: 'not-found' });
  const store = await open('a.img', { createSizeBytes: 8192 });
  await assert.rejects(open('a.img', {}), { code: 'busy' });
  await close(store);
  const again = await open('a.img', { createSizeBytes: 4096 });
  assert.equal(again.sizeBytes, 8192);
  await close(again);
  await assert.rejects(open('.', {}), { code: 'config' });
});

test('a store becomes longer while it is open, and is never shortened', async () => {
  const store = await open('a.img', { createSizeBytes: 8192 });
  assert.equal(await run((done) => store.grow?.(1 << 20, done)), undefined);
  assert.equal(await run((done) => store.grow?.(4096, done)), undefined);
  assert.equal(store.sizeBytes, 1 << 20);
  const data = Buffer.alloc(4096, 7);
  assert.equal(await run((done) => store.write((1 << 20) - 4096, data, done)), undefined);
  await close(store);
  assert.equal(statSync(join(folder, 'a.img')).size, 1 << 20);
});

test('closing from the callback of the last operation closes once', async () => {
  const store = await open('once.img', { createSizeBytes: 8192 });
  let closed = 0;
  await new Promise<void>((resolve) => {
    store.flush(() => store.close(() => ((closed += 1), resolve())));
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(closed, 1);
});

test('a character device is no store', async () => {
  const result = await new Promise<BlockStore | EterneError>((resolve) =>
    nodeStores.open('/dev/full', {}, resolve),
  );
  assert.ok(result instanceof EterneError && result.code === 'config');
});
