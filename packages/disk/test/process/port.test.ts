import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import type { Listener } from '@eterne/runtime';
import { callHttp, serveHttp } from '@eterne/runtime/node/http.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { startWorker } from '@eterne/runtime/node/worker.ts';
import type { SetProposal, VolumeStatus } from '../../src/engine/api.ts';
import { DiskControl } from '../../src/process/control.ts';
import { DiskProcess } from '../../src/process/disk-process.ts';
import { connectDiskPort } from '../../src/process/port-client.ts';
import type { DiskPort } from '../../src/process/port.ts';
import { DiskPortServer } from '../../src/process/port-server.ts';
import type { ArbiterKind } from '../../src/process/worker-messages.ts';
import { volumeConfig } from '../support/volume-config.ts';

const FAKE_WORKER = fileURLToPath(new URL('../support/fake-volume-worker.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'eterne-port-'));
const world = { ...createNodeWorld('test'), log: () => {} };

interface Served {
  readonly disk: DiskProcess;
  readonly controlPath: string;
  readonly address: string;
}
const cleanups: (() => Promise<void>)[] = [];

async function serve(name: string, arbiter: ArbiterKind): Promise<Served> {
  const disk = new DiskProcess({
    world,
    arbiter,
    startWorker: (handler) => startWorker(FAKE_WORKER, [], handler),
  });
  const ports = new DiskPortServer(disk, world.timers);
  const control = new DiskControl('a', disk, world.timers, arbiter);
  const controlPath = join(folder, name);
  const listener = await new Promise<Listener>((resolve, reject) =>
    serveHttp(
      `unix:${controlPath}`,
      {
        onRequest: (request, reply) => control.onRequest(request, reply),
        onUpgrade: (_protocol, stream) => ports.accept(stream),
      },
      (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
    ),
  );
  cleanups.push(async () => {
    listener.close();
    ports.close();
    await new Promise<void>((resolve) => disk.closeAll(resolve));
  });
  return { disk, controlPath, address: `unix:${controlPath}` };
}

after(async () => {
  for (const cleanup of cleanups) await cleanup();
  rmSync(folder, { recursive: true });
});

const answer = (
  ask: (done: (error: EterneError | undefined) => void) => void,
): Promise<EterneError | undefined> => new Promise((resolve) => ask(resolve));

function connect(controlPath: string): Promise<DiskPort> {
  return new Promise((resolve, reject) =>
    connectDiskPort(world, controlPath, (port) =>
      port instanceof EterneError ? reject(port) : resolve(port),
    ),
  );
}

const rejectedWith = (code: string) => (error: unknown) =>
  error instanceof EterneError && error.code === code;

describe('disk port', () => {
  let served: Served;
  before(async () => {
    served = await serve('cluster.ctl', 'cluster');
  });

  it('opens, promotes and reports volumes to every client', async () => {
    const [service, heart] = await Promise.all([connect(served.controlPath), connect(served.controlPath)]);
    const primary = new Promise<VolumeStatus>((resolve) =>
      heart.onStatus((volumes) => {
        const found = volumes.find(({ name, role }) => name === 'p0' && role === 'primary');
        if (found !== undefined) resolve(found);
      }),
    );
    assert.equal(
      await answer((done) =>
        service.ensureVolume({ config: volumeConfig('p0'), exports: [] }, undefined, done),
      ),
      undefined,
    );
    heart.setLease('p0', { validUntilBootMs: 1, graceMs: 1 });
    const refused = await answer((done) => service.promote('p0', { force: false }, done));
    assert.deepEqual([refused?.code, refused?.hint], ['refused', 'use --force']);
    assert.equal(await answer((done) => service.promote('p0', { force: true }, done)), undefined);
    assert.equal((await primary).term, 1);
    assert.equal(await answer((done) => service.removeVolume('p0', done)), undefined);
    service.close();
    heart.close();
  });

  it('takes other peers while the volume is open, and nothing else', async () => {
    const port = await connect(served.controlPath);
    const ensure = (config: ReturnType<typeof volumeConfig>): Promise<EterneError | undefined> =>
      answer((done) => port.ensureVolume({ config, exports: [] }, undefined, done));
    const peers = { b: ['127.0.0.1:1'] };
    assert.equal(await ensure(volumeConfig('p2')), undefined);
    assert.equal(await ensure(volumeConfig('p2', { peers })), undefined);
    assert.equal(await ensure(volumeConfig('p2', { peers })), undefined);
    const other = await ensure({ ...volumeConfig('p2', { peers }), readPolicy: 'striped' });
    assert.equal(other?.code, 'conflict');
    const rescue = await answer((done) => port.ask('p2', { verb: 'rescue', action: { kind: 'list' } }, done));
    assert.equal(rescue?.code, 'refused');
    assert.equal(await answer((done) => port.ask('p2', { verb: 'invalidate' }, done)), undefined);
    port.close();
  });

  it('tells a volume that is opened what was committed, and each worker of it that follows', async () => {
    const port = await connect(served.controlPath);
    const told: (readonly [term: number, members: readonly string[], isOpen: boolean])[] = [];
    port.onStatus((volumes) => {
      const found = volumes.find(({ name }) => name === 'p3');
      if (found !== undefined) told.push([found.term, found.inSyncSet, found.disk === 'UpToDate']);
    });
    const committed = { term: { number: 7, grantor: 'test' }, set: { version: 9, members: ['a', 'b'] } };
    const spec = { config: volumeConfig('p3'), exports: [] };
    assert.equal(await answer((done) => port.ensureVolume(spec, committed, done)), undefined);
    assert.deepEqual(told.at(-1), [7, ['a', 'b'], true]);
    assert.equal(await answer((done) => port.ensureVolume(spec, undefined, done)), undefined);
    told.length = 0;
    const died = await answer((done) => port.ask('p3', { verb: 'connect', peer: 'crash' }, done));
    assert.equal(died?.code, 'unreachable');
    while (told.every(([, , isOpen]) => isOpen) || told.at(-1)?.[2] !== true) await pause(10);
    assert.deepEqual(told.at(-1), [7, ['a', 'b'], true]);
    port.close();
  });

  it('keeps an unanswered proposal for the next arbiter, and hears only that one', async () => {
    const first = await connect(served.controlPath);
    await answer((done) => first.ensureVolume({ config: volumeConfig('p1'), exports: [] }, undefined, done));
    const asked = new Promise<
      (answer: Parameters<Parameters<Parameters<DiskPort['onProposal']>[0]>[1]>[0]) => void
    >((resolve) => first.onProposal((_proposal, reply) => resolve(reply)));
    const verdict = answer((done) => served.disk.call('p1', { verb: 'connect', peer: 'propose' }, done));
    const lateReply = await asked;
    const second = await connect(served.controlPath);
    const again = new Promise<SetProposal>((resolve) =>
      second.onProposal((proposal, reply) => {
        lateReply({ kind: 'refused', reason: 'an old arbiter speaks' });
        setTimeout(() => reply({ kind: 'committed', set: { version: 2, members: proposal.members } }), 30);
        resolve(proposal);
      }),
    );
    assert.deepEqual((await again).members, ['a']);
    assert.match((await verdict)?.message ?? '', /^\{"kind":"committed"/);
    first.close();
    second.close();
  });

  it('answers malformed bodies with an error and tells clients when it goes', async () => {
    const port = await connect(served.controlPath);
    const malformed = await answer((done) =>
      port.ensureVolume({ config: {} as ReturnType<typeof volumeConfig>, exports: [] }, undefined, done),
    );
    assert.equal(malformed?.code, 'protocol');
    const gone = new Promise<void>((resolve) => port.onClose(resolve));
    port.close();
    await gone;
  });

  it('refuses to steer a volume behind the cluster’s back', async () => {
    const promote = callHttp(served.address, {
      method: 'POST',
      path: '/v1/volumes/p1/promote',
      body: {},
      timeoutMs: 60_000,
    });
    await assert.rejects(promote, rejectedWith('refused'));
  });
});

describe('control socket', () => {
  let served: Served;
  const call = (method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> =>
    callHttp(served.address, { method, path, timeoutMs: 60_000, ...(body === undefined ? {} : { body }) });

  before(async () => {
    served = await serve('alone.ctl', 'local');
    await answer((done) =>
      served.disk.ensureVolume({ config: volumeConfig('c0'), exports: [] }, undefined, done),
    );
  });

  it('shows status and steers volumes', async () => {
    const status = (await call('GET', '/v1/status')) as { node: string; volumes: VolumeStatus[] };
    assert.equal(status.node, 'a');
    assert.deepEqual(
      status.volumes.map(({ name, role }) => [name, role]),
      [['c0', 'secondary']],
    );
    const promoted = (await call('POST', '/v1/volumes/c0/promote', { force: true })) as VolumeStatus;
    assert.equal(promoted.role, 'primary');
    const demoted = (await call('POST', '/v1/volumes/c0/demote')) as VolumeStatus;
    assert.equal(demoted.role, 'secondary');
  });

  it('shows the last known status of a worker that hangs', async () => {
    const [{ pid } = { pid: undefined }] = served.disk.processes();
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGSTOP');
    const status = (await call('GET', '/v1/status')) as { volumes: VolumeStatus[] };
    process.kill(pid, 'SIGCONT');
    assert.equal(status.volumes[0]?.disk, 'UpToDate');
  });

  it('waits for a state, and says when it was not reached', async () => {
    await call('POST', '/v1/volumes/c0/wait', { for: 'uptodate', timeoutMs: 60_000 });
    await answer((done) =>
      served.disk.ensureVolume(
        { config: volumeConfig('c1', { peers: { b: ['127.0.0.1:1'] } }), exports: [] },
        undefined,
        done,
      ),
    );
    await assert.rejects(
      call('POST', '/v1/volumes/c1/wait', { for: 'connected', timeoutMs: 30 }),
      rejectedWith('timeout'),
    );
  });

  it('answers what it does not know with a clear error', async () => {
    await assert.rejects(call('GET', '/v2/status'), rejectedWith('not-found'));
    await assert.rejects(call('POST', '/v1/volumes/c0/explode'), rejectedWith('not-found'));
    await assert.rejects(call('POST', '/v1/volumes/nothing/demote'), rejectedWith('not-found'));
    await assert.rejects(call('POST', '/v1/volumes/c0/promote', { force: 'yes' }), rejectedWith('usage'));
    await assert.rejects(
      call('POST', '/v1/volumes/c0/wait', { for: 'ever', timeoutMs: 1 }),
      rejectedWith('usage'),
    );
    await assert.rejects(call('POST', '/v1/volumes/c0/promote', {}), rejectedWith('refused'));
  });
});
