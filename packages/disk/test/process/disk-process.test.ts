import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { startWorker } from '@eterne/runtime/node/worker.ts';
import type { VolumeConfig, VolumeStatus } from '../../src/engine/api.ts';
import { DiskProcess } from '../../src/process/disk-process.ts';
import { closed } from '../support/closed.ts';
import { NbdClient } from '../support/nbd-client.ts';
import { volumeConfig } from '../support/volume-config.ts';

const FAKE_WORKER = fileURLToPath(new URL('../support/fake-volume-worker.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'eterne-disk-'));
const world = { ...createNodeWorld('test'), log: () => {} };
const running: DiskProcess[] = [];

after(async () => {
  await Promise.all(running.map((disk) => new Promise<void>((resolve) => disk.closeAll(resolve))));
  rmSync(folder, { recursive: true });
});

function start(timers = world.timers): DiskProcess {
  const disk = new DiskProcess({
    world: { ...world, timers },
    arbiter: 'cluster',
    startWorker: (handler) => startWorker(FAKE_WORKER, [], handler),
  });
  running.push(disk);
  return disk;
}

/** Resolves with the error a call is answered with, or undefined. */
const answer = (
  ask: (done: (error: EterneError | undefined) => void) => void,
): Promise<EterneError | undefined> => new Promise((resolve) => ask(resolve));

function status(disk: DiskProcess, wanted: (volume: VolumeStatus) => boolean): Promise<VolumeStatus> {
  return new Promise((resolve) =>
    disk.onStatus((volumes) => {
      const found = volumes.find(wanted);
      if (found !== undefined) resolve(found);
    }),
  );
}

const nbdPath = (name: string): string => join(folder, `${name}.nbd`);
const ensure = (
  disk: DiskProcess,
  name: string,
  settings: Partial<VolumeConfig> = {},
): Promise<EterneError | undefined> =>
  answer((done) =>
    disk.ensureVolume(
      { config: volumeConfig(name, settings), exports: [{ kind: 'nbd', listen: `unix:${nbdPath(name)}` }] },
      undefined,
      done,
    ),
  );
const promote = (disk: DiskProcess, name: string): Promise<EterneError | undefined> =>
  answer((done) => disk.promote(name, { force: true }, done));

describe('disk process', () => {
  it('serves a volume over NBD while it is primary, and cuts its clients when the term ends', async () => {
    const disk = start();
    assert.equal(await ensure(disk, 'v0'), undefined);
    await assert.rejects(NbdClient.open({ path: nbdPath('v0') }, 'v0'), /not primary/);
    const refused = await answer((done) => disk.promote('v0', { force: false }, done));
    assert.equal(refused?.hint, 'use --force');
    assert.equal(await promote(disk, 'v0'), undefined);
    const client = await NbdClient.open({ path: nbdPath('v0') }, 'v0');
    assert.equal((await client.write(0, Buffer.alloc(4096, 1))).error, 0);
    const cut = closed(client.socket);
    assert.equal(await answer((done) => disk.demote('v0', done)), undefined);
    await cut;
  });

  it('opens a volume once; another configuration is a conflict', async () => {
    const disk = start();
    assert.equal(await ensure(disk, 'v1'), undefined);
    assert.equal(await ensure(disk, 'v1'), undefined);
    const other = await answer((done) =>
      disk.ensureVolume({ config: volumeConfig('v1', { sizeBytes: 4096 }), exports: [] }, undefined, done),
    );
    assert.equal(other?.code, 'conflict');
    assert.equal(disk.processes().length, 1);
  });

  it('reports why a volume cannot be opened, and forgets it', async () => {
    const disk = start();
    const refused = await ensure(disk, 'refused-1');
    assert.equal(refused?.code, 'corrupt');
    assert.equal(refused.hint, 'restore it');
    assert.equal((await ensure(disk, 'dies-1'))?.code, 'io');
    assert.deepEqual(disk.names, []);
    const far = await answer((done) =>
      disk.ensureVolume(
        { config: volumeConfig('v2'), exports: [{ kind: 'nbd', listen: '10.0.0.1:0' }] },
        undefined,
        done,
      ),
    );
    assert.match(far?.message ?? '', /TLS/);
  });

  it('reports a listening address that is taken', async () => {
    const disk = start();
    assert.equal(await ensure(disk, 'v3'), undefined);
    const taken = await answer((done) =>
      disk.ensureVolume(
        { config: volumeConfig('v4'), exports: [{ kind: 'nbd', listen: `unix:${nbdPath('v3')}` }] },
        undefined,
        done,
      ),
    );
    assert.equal(taken?.code, 'busy');
  });

  it('starts a dead worker again; the volume comes back as secondary and can be promoted', async () => {
    const disk = start();
    await ensure(disk, 'v5');
    await promote(disk, 'v5');
    const [before] = disk.processes();
    const lost = await answer((done) => disk.call('v5', { verb: 'connect', peer: 'crash' }, done));
    assert.equal(lost?.code, 'unreachable');
    assert.equal(disk.statuses[0]?.role, 'secondary');
    assert.equal(disk.statuses[0]?.disk, 'Attaching');
    await status(disk, (volume) => volume.disk === 'UpToDate' && volume.term === 0);
    assert.equal(await promote(disk, 'v5'), undefined);
    assert.notEqual(disk.processes()[0]?.pid, before?.pid);
    const client = await NbdClient.open({ path: nbdPath('v5') }, 'v5');
    assert.equal((await client.flush()).error, 0);
    client.close();
  });

  it('kills a worker that has stopped answering, and starts it again; the others go on', async () => {
    const hasty = {
      ...world.timers,
      every: (ms: number, fire: () => void) => world.timers.every(ms / 10, fire),
    };
    const disk = start(hasty);
    await ensure(disk, 'hung1', { devices: { d1: '/srv/d1', d2: '/srv/d2' } });
    await ensure(disk, 'hung2');
    await promote(disk, 'hung1');
    await promote(disk, 'hung2');
    const pidOf = (name: string): number | undefined =>
      disk.processes().find((volume) => volume.name === name)?.pid;
    const before = [pidOf('hung1'), pidOf('hung2')];
    const seen: string[] = [];
    disk.onStatus((volumes) =>
      seen.push(
        ...volumes.filter(({ name }) => name === 'hung1').map((v) => `${v.role} ${v.disk} ${v.term}`),
      ),
    );
    const hung = answer((done) => disk.call('hung1', { verb: 'connect', peer: 'hang' }, done));
    const client = await NbdClient.open({ path: nbdPath('hung2') }, 'hung2');
    assert.equal((await client.flush()).error, 0, 'its neighbour serves meanwhile');
    const lost = await hung;
    assert.equal(lost?.code, 'timeout');
    assert.match(lost.message, /its store does not answer/);
    await status(
      disk,
      (volume) => volume.name === 'hung1' && volume.disk === 'UpToDate' && volume.term === 0,
    );
    const failed = seen.filter((each) => each.includes('Failed'));
    const [held, ...free] = new Set(failed);
    assert.equal(held, 'primary Failed 0', 'what it has open other hosts reach: they wait until it has gone');
    assert.match(free.join(), /^secondary Failed \d+$/, 'until a worker has opened it again');
    assert.notEqual(pidOf('hung1'), before[0]);
    assert.equal(pidOf('hung2'), before[1]);
    assert.equal((await client.flush()).error, 0);
    client.close();
  });

  it('hands a replication connection to its volume and drops strangers', async () => {
    const disk = start();
    await ensure(disk, 'v6');
    const addresses = await new Promise<readonly string[] | EterneError>((resolve) =>
      disk.listenForPeers(['127.0.0.1:0'], resolve),
    );
    const port = Number(String(addresses).split(':')[1]);
    const peer = connect(port);
    peer.write('ETERNE-MIRROR/1 v6 b\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    peer.write('hello');
    const [heard] = (await once(peer, 'data')) as [Buffer];
    assert.equal(heard.toString(), 'v6 heard hello from b');
    peer.destroy();
    for (const bytes of ['ETERNE-MIRROR/1 v7 b\n', 'GET / HTTP/1.1\r\n\r\n', 'x'.repeat(5000)]) {
      const stranger = connect(port);
      stranger.write(bytes);
      await closed(stranger);
    }
  });

  it('passes proposals to the arbiter and its verdict back', async () => {
    const disk = start();
    await ensure(disk, 'v8');
    disk.onProposal((proposal, verdict) =>
      verdict({ kind: 'committed', set: { version: 2, members: proposal.members } }),
    );
    const verdict = await answer((done) => disk.call('v8', { verb: 'connect', peer: 'propose' }, done));
    assert.equal(verdict?.message, '{"kind":"committed","set":{"version":2,"members":["a"]}}');
  });

  it('removes a volume: its worker ends, its export is gone', async () => {
    const disk = start();
    await ensure(disk, 'v9');
    assert.equal(await answer((done) => disk.removeVolume('v9', done)), undefined);
    assert.deepEqual(disk.names, []);
    await assert.rejects(NbdClient.open({ path: nbdPath('v9') }, 'v9'), /ENOENT|ECONNREFUSED/);
  });
});
