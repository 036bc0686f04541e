/** Our initiator against our target, over real connections: a LUN as a backing store, and the reservation that fences it. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import { withIscsiStores } from '@eterne/iscsi/initiator/store.ts';
import type { BlockStore, OpenStoreOptions, StoreError } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { SIZE_BYTES, TARGET, serve, type Served } from '../support/served.ts';

const stores = withIscsiStores(createNodeWorld('test'));
const HOST_A = 'initiator=iqn.2026-11.io.eterne:host-a';
const HOST_B = 'initiator=iqn.2026-11.io.eterne:host-b';
const served: Served[] = [];

after(() => Promise.all(served.map((target) => target.close())));

async function target(options: Parameters<typeof serve>[0] = {}): Promise<Served> {
  const result = await serve(options);
  served.push(result);
  return result;
}

function open(uri: string, options: OpenStoreOptions = {}): Promise<BlockStore | EterneError> {
  return new Promise((resolve) => stores.open(uri, options, resolve));
}

async function opened(uri: string, options: OpenStoreOptions = {}): Promise<BlockStore> {
  const store = await open(uri, options);
  if (store instanceof EterneError) throw store;
  return store;
}

const outcome = (
  start: (done: (error: StoreError | undefined) => void) => void,
): Promise<StoreError | undefined> => new Promise((resolve) => start(resolve));

const uriOf = ({ address }: Served, options: string, user = ''): string =>
  `iscsi://${user}${address}/${TARGET}/1?${options}`;

describe('an iSCSI LUN as a store', () => {
  for (const digests of ['', '&header_digest=crc32c&data_digest=crc32c'])
    it(`reads, writes, zeroes and flushes${digests === '' ? '' : ' with digests'}`, async () => {
      const lun = await target();
      const store = await opened(uriOf(lun, `${HOST_A}${digests}`));
      assert.equal(store.sizeBytes, SIZE_BYTES);
      assert.equal(store.canPunch, true);
      const written = Buffer.from(Array.from({ length: SIZE_BYTES / 2 }, (_, at) => at % 251));
      // More than fits one PDU and the first burst.
      assert.equal(await outcome((done) => store.write(4096, written, done)), undefined);
      assert.deepEqual(lun.memory.subarray(4096, 4096 + written.length), written);
      assert.equal(await outcome((done) => store.writeZeroes(8192, 4096, true, done)), undefined);
      assert.equal(await outcome((done) => store.flush(done)), undefined);
      const into = Buffer.alloc(SIZE_BYTES);
      assert.equal(await outcome((done) => store.read(0, into, done)), undefined);
      assert.deepEqual(into, lun.memory);
      assert.ok(into.subarray(8192, 8192 + 4096).every((byte) => byte === 0));
      await new Promise<void>((resolve) => store.close(resolve));
    });

  it('carries many commands at once, beyond the target’s window', async () => {
    const lun = await target();
    const store = await opened(uriOf(lun, HOST_A));
    const writes = Array.from({ length: 500 }, (_, at) =>
      outcome((done) => store.write(at * 2048, Buffer.alloc(2048, at % 256), done)),
    );
    assert.ok((await Promise.all(writes)).every((error) => error === undefined));
    for (let at = 0; at < 500; at += 1) assert.equal(lun.memory[at * 2048 + 2047], at % 256);
  });

  it('proves itself with CHAP, and says when the target refuses', async () => {
    const lun = await target({ chap: { user: 'u', password: 'a-long-secret' } });
    await opened(uriOf(lun, HOST_A, 'u%a-long-secret@'));
    const refused = await open(uriOf(lun, HOST_A, 'u%wrong@'));
    assert.match(refused instanceof EterneError ? refused.message : '', /0201h/);
    assert.doesNotMatch(refused instanceof EterneError ? refused.message : '', /wrong/);
    assert.ok((await open(uriOf(lun, HOST_A))) instanceof EterneError);
    assert.ok((await open(uriOf(lun, 'speed=fast'))) instanceof EterneError);
  });

  it('is refused while another host holds the LUN, and fences that host when it takes it over', async () => {
    const lun = await target();
    const first = await opened(uriOf(lun, HOST_A));
    const second = await open(uriOf(lun, HOST_B));
    assert.equal(second instanceof EterneError ? second.code : '', 'busy');
    assert.equal(await outcome((done) => first.write(0, Buffer.alloc(512, 1), done)), undefined);
    const taker = await opened(uriOf(lun, `${HOST_B}&preempt=yes`));
    const late = await outcome((done) => first.write(0, Buffer.alloc(512, 2), done));
    assert.equal(late?.kind, 'reservation-conflict');
    assert.equal(lun.memory[0], 1);
    assert.equal(await outcome((done) => taker.write(0, Buffer.alloc(512, 3), done)), undefined);
    assert.equal(lun.memory[0], 3);
  });

  it('asks once more before it takes a LUN over: whoever was paused until then may have no right to it any more', async () => {
    const lun = await target();
    const first = await opened(uriOf(lun, HOST_A));
    for (const rights of [[], [true]]) {
      const left = [...rights];
      const second = await open(uriOf(lun, `${HOST_B}&preempt=yes`), {
        mayPreempt: () => left.shift() ?? false,
      });
      assert.equal(second instanceof EterneError ? second.code : '', 'busy');
      assert.equal(left.length, 0);
      assert.equal(await outcome((done) => first.write(0, Buffer.alloc(512, 1), done)), undefined);
    }
    await opened(uriOf(lun, `${HOST_B}&preempt=yes`), { mayPreempt: () => true });
  });

  it('finds its own reservation again after it died, and leaves none behind when it closes', async () => {
    const lun = await target();
    await opened(uriOf(lun, HOST_A)); // never closed
    const again = await opened(uriOf(lun, HOST_A));
    await new Promise<void>((resolve) => again.close(resolve));
    await opened(uriOf(lun, HOST_B));
  });

  it('leaves a LUN that it took from another host reserved: what that one had not sent yet would land otherwise', async () => {
    const lun = await target();
    const paused = await opened(uriOf(lun, HOST_A));
    assert.equal(await outcome((done) => paused.write(0, Buffer.alloc(512, 1), done)), undefined);
    for (let turn = 0; turn < 2; turn += 1) {
      const taker = await opened(uriOf(lun, `${HOST_B}&preempt=yes`));
      assert.equal(await outcome((done) => taker.write(0, Buffer.alloc(8192, 2), done)), undefined);
      await new Promise<void>((resolve) => taker.close(resolve));
    }
    const late = [0, 1, 2, 3].map((at) =>
      outcome((done) => paused.write(at * 512, Buffer.alloc(512, 3), done)),
    );
    for (const error of await Promise.all(late)) assert.equal(error?.kind, 'reservation-conflict');
    assert.deepEqual(lun.memory.subarray(0, 8192), Buffer.alloc(8192, 2));
    // Who comes back to it takes it as from any other.
    const refused = await open(uriOf(lun, HOST_A));
    assert.equal(refused instanceof EterneError ? refused.code : '', 'busy');
    await opened(uriOf(lun, `${HOST_A}&preempt=yes`));
  });

  it('fails as a device when the target goes, and as overdue when it does not answer', async () => {
    const lun = await target();
    const store = await opened(uriOf(lun, HOST_A));
    await lun.close();
    const error = await outcome((done) => store.write(0, Buffer.alloc(512), done));
    assert.equal(error?.kind, 'device');
    const frozen = await target({ hold: () => {} });
    const slow = await opened(uriOf(frozen, HOST_A), { timeoutMs: 400 });
    const overdue = await outcome((done) => slow.write(0, Buffer.alloc(512), done));
    assert.equal(overdue?.kind, 'timeout');
    assert.equal((await outcome((done) => slow.read(0, Buffer.alloc(512), done)))?.kind, 'timeout');
  });
});
