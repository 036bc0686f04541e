import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EterneError } from '@eterne/base';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { unlessStalled } from '../../../runtime/test/support/stalls.ts';
import { HeartClient } from '../../src/heart/client.ts';
import { DiskLeases } from '../../src/heart/disk-leases.ts';
import type { Registration } from '../../src/heart/guard.ts';
import { Heart } from '../../src/heart/heart.ts';
import type { Lease } from '../../src/heart/lease-client.ts';
import { Reaper } from '../../src/heart/reaper.ts';
import { serveHeart } from '../../src/heart/server.ts';
import type { HeartSetup } from '../../src/heart/setup.ts';

const world = createNodeWorld('test');
const clusterKey = Buffer.alloc(32, 5);
const GROUPS = [{ group: 'db', epoch: 1, volumes: ['v'] }];

/** A heart process as the daemon composes it. */
class HeartProcess {
  readonly heart: Heart;
  readonly killed: string[] = [];
  readonly #reaper: Reaper;
  #stop: () => void = () => {};

  constructor(node: string, addresses: readonly string[]) {
    const processTrees = { killMarked: () => 0 };
    this.#reaper = new Reaper({ ...world, processTrees, log: () => {} }, (groups) =>
      this.killed.push(...groups),
    );
    this.heart = new Heart(world, { node, life: `${node}-1`, clusterKey, addresses, asksForLeases: true });
  }

  async open(socket: string): Promise<void> {
    const { heart } = this;
    await new Promise<void>((resolve, reject) => heart.open((error) => (error ? reject(error) : resolve())));
    const parts = {
      heart,
      reaper: this.#reaper,
      onSetup: (setup: HeartSetup) => heart.configure(setup),
    };
    const streams: { destroy(): void }[] = [];
    const network: typeof world.network = {
      ...world.network,
      listen: (address, onStream, done) =>
        world.network.listen(
          address,
          (stream) => {
            streams.push(stream);
            onStream(stream);
          },
          done,
        ),
    };
    await new Promise<void>((resolve, reject) =>
      serveHeart({ ...world, network }, socket, parts, (listener) => {
        if (listener instanceof EterneError) return reject(listener);
        this.#stop = () => {
          listener.close();
          for (const stream of streams) stream.destroy();
        };
        resolve();
      }),
    );
  }

  /** As `kill -9` does: no farewell. */
  kill(): void {
    this.heart.close();
    this.#reaper.close();
    this.#stop();
  }
}

async function makeSocket(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'eterne-heart-'));
  context.after(() => rm(dir, { recursive: true }));
  return `unix:${join(dir, 'heart.sock')}`;
}

/** The service of a one-node cluster: grants whatever is asked. */
function lead(client: HeartClient): void {
  client.onLeaseRequest((request) =>
    client.grant({ request, durationMs: 650, graceMs: 200, groups: GROUPS }),
  );
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const startedMs = performance.now(); !isSo(); await sleep(20))
    assert.ok(performance.now() - startedMs < 60_000, what);
}

test('two hearts on real sockets find each other', async (context) => {
  const hearts = ['a', 'b'].map((node) => new HeartProcess(node, ['127.0.0.1:0', '127.0.0.2:0']));
  context.after(() => hearts.forEach((process) => process.kill()));
  for (const { heart } of hearts) await new Promise<void>((resolve) => heart.open(() => resolve()));
  const members = ['a', 'b'].map((node, index) => ({
    node,
    role: 'node' as const,
    addresses: hearts[index]?.heart.addresses ?? [],
  }));
  let alive: ReadonlySet<string> = new Set();
  hearts[0]?.heart.onLiveness((nodes, paths) => {
    alive = nodes;
    assert.equal(paths.length, 2);
  });
  for (const { heart } of hearts) heart.configure({ members, disks: [] });
  await until('a hears b', () => alive.has('b'));
});

test('a restarted heart learns again what it must know, and the lease goes on', async (context) => {
  // The lease is short, and lapses where nothing runs for so long.
  await unlessStalled(async () => {
    const socket = await makeSocket(context);
    let process = new HeartProcess('a', ['127.0.0.1:0']);
    await process.open(socket);
    const service = new HeartClient(world, socket);
    const monitor = new HeartClient(world, socket);
    context.after(() => {
      process.kill();
      service.close();
      monitor.close();
    });
    lead(service);
    let leases: ReadonlyMap<string, Lease> = new Map();
    monitor.onLease((now) => (leases = now));
    await until('the group is leased', () => leases.has('db'));
    const registration: Registration = { group: 'db', resource: 'app', processes: [], mark: 'M=1' };
    monitor.register([registration]);
    const before = leases.get('db')?.validUntilBootMs ?? 0;
    process.kill();
    process = new HeartProcess('a', ['127.0.0.1:0']);
    await process.open(socket);
    await until('it is longer than before', () => (leases.get('db')?.validUntilBootMs ?? 0) > before);
    assert.deepEqual(process.killed, []);
    service.close();
    await until('without its leader it kills', () => process.killed.includes('db'));
  });
});

test('the disk process hears of every renewal, and again when it comes back', async () => {
  const told: string[] = [];
  let close: () => void = () => {};
  const port = {
    setLease: (volume: string, lease: { validUntilBootMs: number }) =>
      told.push(`${volume} ${lease.validUntilBootMs}`),
    onClose: (listener: () => void) => (close = listener),
  } as unknown as DiskPort;
  let refusals = 1;
  const diskLeases = new DiskLeases(world.timers, (done) =>
    world.timers.soon(() => done(refusals-- > 0 ? new EterneError('unreachable', 'not yet') : port)),
  );
  const lease = (validUntilBootMs: number): ReadonlyMap<string, Lease> =>
    new Map([['db', { epoch: 1, validUntilBootMs, graceMs: 1, volumes: ['v', 'w'] }]]);
  diskLeases.leased(lease(1));
  await until('it is told when it is there', () => told.length === 2);
  diskLeases.leased(lease(2));
  close();
  await until('it is told again', () => told.length === 6);
  assert.deepEqual(told, ['v 1', 'w 1', 'v 2', 'w 2', 'v 2', 'w 2']);
});
