/** A bridge from an NBD export to our own initiator: whom it lets in, what it carries, and when it is over. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import { withIscsiStores } from '@eterne/iscsi/initiator/store.ts';
import type { BlockStore, StoreError } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { Bridge } from '@eterne/target/attach/bridge.ts';
import { MemoryDevice } from '../../../disk/test/support/memory-device.ts';

const SIZE = 1 << 20;
const NAME = 'iqn.2026-11.io.eterne:attached.0123456789abcdef.once';
const OWN_UID = process.getuid?.() ?? assert.fail('a system without users');
const folder = mkdtempSync(join(tmpdir(), 'eterne-bridge-'));
const socket = join(folder, 'nbd.sock');
const world = { ...createNodeWorld('test'), log: () => {} };
const stores = withIscsiStores(world);

const settled = <Value>(start: (done: (value: Value | EterneError) => void) => void): Promise<Value> =>
  new Promise((resolve, reject) =>
    start((value) => (value instanceof EterneError ? reject(value) : resolve(value))),
  );
const outcome = (
  start: (done: (error: StoreError | undefined) => void) => void,
): Promise<StoreError | undefined> => new Promise((resolve) => start(resolve));

describe('a bridge', () => {
  let server: NbdServer;
  let bridge: Bridge | undefined;
  let over: Promise<void>;
  let isOver: () => void;

  beforeEach(async () => {
    over = new Promise((resolve) => (isOver = resolve));
    server = await settled<NbdServer>((done) => NbdServer.listen(world, `unix:${socket}`, 'v0', done));
    server.serve(new ByteDevice(new MemoryDevice(SIZE, { immediate: true })));
  });
  afterEach(async () => {
    await new Promise<void>((resolve) => (bridge === undefined ? resolve() : bridge.close(resolve)));
    server.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  const bridgeFor = async (uid: number): Promise<Bridge> => {
    const uri = `nbd+unix:///v0?socket=${socket}`;
    const opened = await settled<Bridge>((done) =>
      Bridge.open(world, { uri, name: NAME, uid, onOver: isOver }, done),
    );
    bridge = opened;
    return opened;
  };
  const logIn = ({ address }: Bridge): Promise<BlockStore> =>
    settled((done) => stores.open(`iscsi://${address}/${NAME}/1`, {}, done));

  it('carries what is read, written, zeroed and flushed', async () => {
    const store = await logIn(await bridgeFor(OWN_UID));
    assert.equal(store.sizeBytes, SIZE);
    assert.equal(store.canPunch, true);
    const written = Buffer.from(Array.from({ length: SIZE / 2 }, (_, at) => at % 251));
    assert.equal(await outcome((done) => store.write(4096, written, done)), undefined);
    assert.equal(await outcome((done) => store.writeZeroes(8192, 4096, true, done)), undefined);
    assert.equal(await outcome((done) => store.flush(done)), undefined);
    const into = Buffer.alloc(written.length);
    assert.equal(await outcome((done) => store.read(4096, into, done)), undefined);
    assert.deepEqual(into, written.fill(0, 4096, 8192));
    await new Promise<void>((resolve) => store.close(resolve));
  });

  it('lets in one session, and nobody after it', async () => {
    const open = await bridgeFor(OWN_UID);
    const store = await logIn(open);
    await assert.rejects(logIn(open));
    await new Promise<void>((resolve) => store.close(resolve));
    await assert.rejects(logIn(open));
  });

  it('sends away another user’s connection', async () => {
    await assert.rejects(logIn(await bridgeFor(OWN_UID + 1)));
  });

  it('is over when its export is', async () => {
    const store = await logIn(await bridgeFor(OWN_UID));
    server.withdraw();
    await over;
    assert.notEqual(await outcome((done) => store.write(0, Buffer.alloc(4096), done)), undefined);
  });
});
