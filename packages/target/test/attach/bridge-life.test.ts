/** How a bridge ends: in order when it is asked to, whatever else happens in that moment, and as a failure by itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import { withIscsiStores } from '@eterne/iscsi/initiator/store.ts';
import type { Address, BlockStore } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { BridgeLife } from '@eterne/target/attach/bridge-life.ts';
import { MemoryDevice } from '../../../disk/test/support/memory-device.ts';

const MAIN = fileURLToPath(import.meta.resolve('@eterne/target/attach/main.ts'));
const PREFIX = 'iqn.2026-11.io.eterne:attached.bridge-life-test.';
const folder = mkdtempSync(join(tmpdir(), 'eterne-bridge-'));
const socket = join(folder, 'nbd.sock');
const uri = `nbd+unix:///v0?socket=${socket}`;
const world = { ...createNodeWorld('test'), log: () => {} };
const uid = process.getuid?.() ?? assert.fail('a system without users');
after(() => rmSync(folder, { recursive: true }));

interface Attaching {
  readonly life: BridgeLife;
  readonly name: string;
  readonly portal: Address;
  readonly fail: () => void;
}

describe('the life of a bridge', () => {
  let server: NbdServer;
  let ends: (string | undefined)[];
  let ended: PromiseWithResolvers<void>;

  beforeEach(async () => {
    ends = [];
    ended = Promise.withResolvers();
    server = await new Promise<NbdServer>((resolve, reject) =>
      NbdServer.listen(world, `unix:${socket}`, 'v0', (result) =>
        result instanceof EterneError ? reject(result) : resolve(result),
      ),
    );
    server.serve(new ByteDevice(new MemoryDevice(1 << 20, { immediate: true })));
  });
  afterEach(() => server.close());

  const begin = (attach: ConstructorParameters<typeof BridgeLife>[1]['attach']): BridgeLife =>
    new BridgeLife(world, {
      uri,
      prefix: PREFIX,
      uid,
      attach,
      ended: (failure) => {
        ends.push(failure);
        ended.resolve();
      },
    });
  /** As far as open-iscsi is told of it. */
  const attaching = (): Promise<Attaching> =>
    new Promise((resolve) => {
      const life = begin((_hands, name, portal, done) =>
        resolve({ life, name, portal, fail: () => done(new EterneError('io', 'iscsiadm: no session')) }),
      );
    });

  it('has failed when its export ends', async () => {
    await attaching();
    server.withdraw();
    await ended.promise;
    assert.deepEqual(ends, [`${uri} has ended`]);
  });

  it('has failed when there is no disk to be had, and not again when its export ends', async () => {
    const { fail } = await attaching();
    fail();
    server.withdraw();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(ends, ['iscsiadm: no session']);
  });

  it('ends in order when it is asked to, although the attachment that is under way fails by that', async () => {
    const { life, fail } = await attaching();
    life.end();
    fail();
    await ended.promise;
    assert.deepEqual(ends, [undefined]);
  });

  it('ends in order when its export goes while it waits for its initiator', async () => {
    const { life, name, portal } = await attaching();
    const store = await new Promise<BlockStore>((resolve, reject) =>
      withIscsiStores(world).open(`iscsi://${portal}/${name}/1`, {}, (store) =>
        store instanceof EterneError ? reject(store) : resolve(store),
      ),
    );
    life.end();
    server.withdraw();
    await ended.promise;
    assert.deepEqual(ends, [undefined]);
    await new Promise<void>((resolve) => store.close(resolve));
  });

  it('ends at once before it has its export, and is not begun after all', async () => {
    let isBegun = false;
    const life = begin(() => (isBegun = true));
    life.end();
    life.end();
    assert.deepEqual(ends, [undefined]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(isBegun, false);
  });
});

it('SIGTERM ends the process with 0 while its export keeps it waiting', { timeout: 120_000 }, async () => {
  const path = join(folder, 'silent.sock');
  const silent = createServer().listen(path);
  await once(silent, 'listening');
  const child = spawn(process.execPath, [MAIN, `nbd+unix:///v0?socket=${path}`, PREFIX]);
  const [connection] = (await once(silent, 'connection')) as [Socket];
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  connection.destroy();
  silent.close();
});
