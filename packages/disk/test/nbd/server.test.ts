import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { ByteDevice } from '../../src/nbd/byte-device.ts';
import { MAX_COMMANDS_IN_FLIGHT } from '../../src/nbd/limits.ts';
import { NbdServer } from '../../src/nbd/server.ts';
import { closed } from '../support/closed.ts';
import { MemoryDevice } from '../support/memory-device.ts';
import { NbdClient } from '../support/nbd-client.ts';

const SIZE = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'eterne-nbd-'));
const path = join(folder, 'nbd.sock');
const world = { ...createNodeWorld('test'), log: () => {} };
let server: NbdServer;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

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

async function open(device: MemoryDevice, structured = true): Promise<NbdClient> {
  server.serve(new ByteDevice(device));
  return NbdClient.open({ path }, 'v0', structured);
}

describe('NBD server', () => {
  for (const structured of [true, false]) {
    it(`reads back what was written, with ${structured ? 'structured' : 'simple'} replies`, async () => {
      const client = await open(new MemoryDevice(SIZE, { immediate: true }), structured);
      assert.equal(client.sizeBytes, SIZE);
      const writes = Array.from({ length: 200 }, (_, index) =>
        client.write(index * 4096, Buffer.alloc(4096, index)),
      );
      for (const { error } of await Promise.all(writes)) assert.equal(error, 0);
      const reads = Array.from({ length: 200 }, (_, index) => client.read(index * 4096, 4096));
      for (const [index, { data }] of (await Promise.all(reads)).entries())
        assert.deepEqual(data, Buffer.alloc(4096, index));
      assert.deepEqual((await client.read(0, SIZE)).data.subarray(4096, 8192), Buffer.alloc(4096, 1));
      client.close();
    });
  }

  it('answers errors and keeps the connection', async () => {
    const device = new MemoryDevice(SIZE);
    const client = await open(device);
    assert.equal((await client.write(SIZE, Buffer.alloc(512))).error, 28);
    assert.equal((await client.read(SIZE, 512)).error, 22);
    assert.equal((await client.request(77, 0, 0, 0)).error, 22);
    const failing = client.read(0, 512);
    while (device.pending.length === 0) await turn();
    device.finish(0, 'ETIMEDOUT');
    assert.equal((await failing).error, 5);
    client.close();
  });

  it('takes a bounded number of commands and leaves the rest in the socket', async () => {
    const device = new MemoryDevice(SIZE);
    const client = await open(device);
    const writes = Array.from({ length: MAX_COMMANDS_IN_FLIGHT * 3 }, (_, index) =>
      client.write((index % 256) * 4096, Buffer.alloc(4096, index)),
    );
    while (device.pending.length < MAX_COMMANDS_IN_FLIGHT) await turn();
    let finished = 0;
    while (finished < writes.length) {
      assert.ok(device.pending.length <= MAX_COMMANDS_IN_FLIGHT);
      if (device.pending.length === 0) await turn();
      else {
        device.finish();
        finished += 1;
      }
    }
    for (const { error } of await Promise.all(writes)) assert.equal(error, 0);
    client.close();
  });

  it('bounds the memory of large reads', async () => {
    const device = new MemoryDevice(64 * SIZE);
    const client = await open(device);
    const reads = Array.from({ length: 20 }, () => client.read(0, 16 * SIZE));
    while (device.pending.length < 4) await turn();
    await turn();
    assert.equal(device.pending.length, 4);
    client.close();
    await assert.rejects(Promise.all(reads));
  });

  it('answers what is in flight before it honours a disconnect', async () => {
    const device = new MemoryDevice(SIZE);
    const client = await open(device);
    const write = client.write(0, Buffer.alloc(512));
    void client.request(2, 0, 0, 0).catch(() => {});
    while (device.pending.length === 0) await turn();
    await turn();
    device.finish();
    assert.equal((await write).error, 0);
    await closed(client.socket);
  });

  it('cuts every connection when the term ends, unanswered, and refuses new ones', async () => {
    const device = new MemoryDevice(SIZE);
    const client = await open(device);
    const held = client.write(0, Buffer.alloc(512));
    const rejected = assert.rejects(held, /closed/);
    while (device.pending.length === 0) await turn();
    server.withdraw();
    device.finish();
    await rejected;
    await assert.rejects(NbdClient.open({ path }, 'v0'), /not primary/);
    const next = await open(new MemoryDevice(SIZE));
    next.close();
  });

  it('drops a client that speaks nonsense, before and after the handshake', async () => {
    const client = await open(new MemoryDevice(SIZE));
    client.socket.write(Buffer.alloc(64, 'x'));
    await closed(client.socket);
    const stranger = connect(path);
    stranger.write('GET / HTTP/1.0\r\n\r\n');
    await closed(stranger);
    const next = await open(new MemoryDevice(SIZE, { immediate: true }));
    assert.equal((await next.flush()).error, 0);
    next.close();
  });
});
