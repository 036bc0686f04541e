import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EterneError } from '@eterne/base';
import type { JsonLinkHandler, Listener, Timers } from '@eterne/runtime';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { keptWithin } from '../../../runtime/test/support/stalls.ts';
import type { GuardedProcess } from '../../src/heart/guard.ts';
import type { FamilyOptions } from '../../src/monitor/spawner.ts';
import { LauncherClient } from '../../src/node/launcher-client.ts';
import { Launcher } from '../../src/node/launcher.ts';
import {
  DAEMON_NAMES,
  passingAttributesFolder,
  runFolder,
  socketAddress,
  startedPath,
  type DaemonName,
} from '../../src/node/layout.ts';
import { listenLinks } from '../../src/node/link.ts';

const world = { ...createNodeWorld('test'), processTrees: nodeProcessTrees, log: () => {} };

/** A daemon of the test: a shell that notes its start and its polite end. */
const daemonScript = (dir: string, name: DaemonName, leaveS: number): string =>
  `trap '${name === 'monitor' ? 'sleep 0.3; ' : ''}${name === 'service' ? `sleep ${leaveS}; ` : ''}echo ${name} >> ${dir}/ended; exit 0' TERM; echo ${name} >> ${dir}/begun; while :; do sleep 0.02; done`;

class Bench {
  readonly dir: string;
  readonly launcher: Launcher;
  readonly ended: Promise<EterneError | undefined>;
  /** So much has passed beside what has. */
  passedMs = 0;

  /** `leaving`: how long the service takes to end, and how long it may say nothing meanwhile. */
  constructor(dir: string, leaving?: { readonly takesS: number; readonly leaveTimeoutMs: number }) {
    this.dir = dir;
    const { promise, resolve } = Promise.withResolvers<EterneError | undefined>();
    this.ended = promise;
    const clock = { ...world.clock, bootMs: () => world.clock.bootMs() + this.passedMs };
    this.launcher = new Launcher(
      { ...world, clock },
      {
        dir,
        daemons: DAEMON_NAMES,
        env: { PATH: '/usr/bin:/bin' },
        commandOf: (name) => ['/bin/sh', '-c', daemonScript(dir, name, leaving?.takesS ?? 0)],
        ...(leaving && { leaveTimeoutMs: leaving.leaveTimeoutMs }),
        onEnd: resolve,
      },
    );
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.launcher.start((error) => (error ? reject(error) : resolve())),
    );
  }

  begun(name: DaemonName): number {
    const path = join(this.dir, 'begun');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    return lines.filter((line) => line === name).length;
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    for (const startedMs = performance.now(); !isSo(); await sleep(20))
      assert.ok(performance.now() - startedMs < 60_000, what);
  }

  async allBegun(): Promise<void> {
    await this.until('every daemon runs', () => DAEMON_NAMES.every((name) => this.begun(name) > 0));
  }

  pidOf(name: DaemonName): number {
    return this.launcher.pids[name] ?? assert.fail(`${name} does not run`);
  }
}

async function makeBench(
  context: TestContext,
  leaving?: ConstructorParameters<typeof Bench>[1],
): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'eterne-launcher-'));
  const bench = new Bench(dir, leaving);
  context.after(async () => {
    bench.launcher.stop();
    await bench.ended;
    await rm(dir, { recursive: true });
  });
  return bench;
}

function connect(context: TestContext, bench: Bench): LauncherClient {
  const client = new LauncherClient(world, socketAddress(bench.dir, 'launcher'), () => {});
  context.after(() => client.close());
  return client;
}

const spawnSleep = (
  client: LauncherClient,
  { dir }: Bench,
  more: Partial<FamilyOptions> = {},
): Promise<GuardedProcess> =>
  new Promise((resolve, reject) =>
    client.spawn(
      { command: ['/bin/sleep', '1000'], env: {}, directory: '/', logPath: join(dir, 'app.log'), ...more },
      (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
    ),
  );

test('whatever daemon is killed runs again within a second, alone', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  for (const name of DAEMON_NAMES) {
    const others = DAEMON_NAMES.filter((other) => other !== name).map((other) => bench.pidOf(other));
    await keptWithin(1000, async () => {
      const killedAtMs = performance.now();
      const begun = bench.begun(name);
      process.kill(bench.pidOf(name), 'SIGKILL');
      await bench.until(`${name} runs again`, () => bench.begun(name) > begun);
      return performance.now() - killedAtMs;
    });
    assert.deepEqual(
      DAEMON_NAMES.filter((other) => other !== name).map((other) => bench.pidOf(other)),
      others,
    );
  }
});

test('the service ends first, then the monitor, then the others, then what still runs of the groups', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  const client = connect(context, bench);
  const isEnding = (): Promise<boolean> => new Promise((resolve) => client.isEnding(resolve));
  const app = await spawnSleep(client, bench);
  assert.equal(await isEnding(), false);
  bench.launcher.stop();
  await bench.until('the service has ended', () => bench.launcher.pids.service === null);
  assert.equal(await isEnding(), true, 'so the monitor is told, when it asks');
  assert.equal(await bench.ended, undefined);
  const ended = readFileSync(join(bench.dir, 'ended'), 'utf8').trim().split('\n');
  assert.deepEqual(ended.slice(0, 2), ['service', 'monitor']);
  assert.deepEqual(ended.toSorted(), [...DAEMON_NAMES].toSorted());
  await bench.until('the program is gone', () => !world.processes.alive(app.pid, app.startTime));
});

test('a hanging daemon that somebody reports is killed; a late report hits nobody', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  const client = connect(context, bench);
  const hanging = bench.pidOf('heart');
  process.kill(hanging, 'SIGSTOP');
  client.restart('heart', hanging, 'no answer');
  await bench.until('the heart runs again', () => bench.begun('heart') === 2);
  const pid = bench.pidOf('heart');
  client.restart('heart', hanging, 'no answer');
  await sleep(100);
  assert.equal(bench.pidOf('heart'), pid);
});

test('nothing is started after its time, or for somebody who has gone', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  const client = connect(context, bench);
  const untilBootMs = world.clock.bootMs() + 5000;
  const { pid } = await spawnSleep(client, bench, { untilBootMs });
  assert.ok(pid > 0);
  bench.passedMs = 10_000;
  await assert.rejects(spawnSleep(client, bench, { untilBootMs }), /did not get to it in time/);
  // The user is looked up first, and the link is closed meanwhile.
  const mark = `ETERNE_RESOURCE=gone-${process.pid}`;
  const [name = '', value = ''] = mark.split('=');
  const asked = spawnSleep(client, bench, { env: { [name]: value }, user: String(process.getuid?.()) });
  await sleep(0);
  client.close();
  await assert.rejects(asked);
  await sleep(500);
  assert.equal(world.processTrees.killMarked(mark), 0);
});

test('who asks for a program waits for it, however late it comes', async (context) => {
  const dir = await mkdtemp(join(tmpdir(), 'eterne-launcher-'));
  const address = `unix:${join(dir, 'sock')}`;
  const app: GuardedProcess = { pid: 1, startTime: '1' };
  const accept = (): JsonLinkHandler => ({
    onCall: (_name, _body, reply) => void setTimeout(() => reply({ ok: app }), 500),
    onNote: () => {},
    onClose: () => {},
  });
  const listener = await new Promise<Listener>((resolve, reject) =>
    listenLinks(world, address, accept, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    ),
  );
  // Seconds pass within milliseconds for who asks.
  const after: Timers['after'] = (delayMs, fire) => world.timers.after(delayMs / 100, fire);
  const client = new LauncherClient({ ...world, timers: { ...world.timers, after } }, address, () => {});
  context.after(async () => {
    client.close();
    listener.close();
    await rm(dir, { recursive: true });
  });
  const options = {
    command: ['/bin/sleep', '1'],
    env: {},
    directory: '/',
    logPath: join(dir, 'log'),
  } as const;
  const started = await new Promise((resolve) => client.spawn(options, resolve));
  assert.deepEqual(started, app);
});

test('the end of a program is told, and who runs under which pid', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  const client = connect(context, bench);
  const app = await spawnSleep(client, bench);
  const told = new Promise((resolve) => client.onExit(resolve));
  process.kill(app.pid, 'SIGTERM');
  assert.deepEqual(await told, { process: app, code: null, signal: 'SIGTERM' });
  await bench.until('pids are told', () => client.pids.service !== null);
  assert.deepEqual(client.pids, bench.launcher.pids);
});

test('a daemon that cannot work at all ends the node with its sentence', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  const error = new EterneError('config', 'bind 10.0.0.1:7700: EADDRINUSE');
  connect(context, bench).fatal('heart', error, () => {});
  const reason = await bench.ended;
  assert.deepEqual([reason?.code, reason?.message], ['config', error.message]);
});

test('a daemon that has worked is tried again, unless its program is too old for its cluster', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  bench.passedMs = 10_000;
  process.kill(bench.pidOf('service'), 'SIGKILL');
  await bench.until('the service runs again', () => bench.begun('service') === 2);
  const client = connect(context, bench);
  client.fatal('service', new EterneError('corrupt', 'its log cannot be read'), () => {});
  assert.equal(await Promise.race([bench.ended, sleep(200, 'goes on')]), 'goes on');
  const hint = 'upgrade it';
  client.fatal('service', new EterneError('needs-upgrade', 'it is too old', { hint }), () => {});
  const reason = await bench.ended;
  assert.deepEqual([reason?.code, reason?.message, reason?.hint], ['needs-upgrade', 'it is too old', hint]);
});

test('a daemon that only finds its port in use is given another chance', async (context) => {
  const bench = await makeBench(context);
  await bench.start();
  await bench.allBegun();
  connect(context, bench).fatal('heart', new EterneError('busy', 'bind 10.0.0.1:7700: EADDRINUSE'), () => {});
  const verdict = await Promise.race([bench.ended, sleep(500, 'goes on')]);
  assert.equal(verdict, 'goes on');
});

test('what an earlier life left running is killed before anything starts', async (context) => {
  const bench = await makeBench(context);
  await mkdir(runFolder(bench.dir));
  const mark = `ETERNE_RESOURCE=left-${process.pid}`;
  const [name = '', value = ''] = mark.split('=');
  const { promise, resolve } = Promise.withResolvers<string | null>();
  world.processes.spawn({ command: ['/bin/sleep', '1000'], env: { [name]: value }, detached: true }, (exit) =>
    resolve(exit.signal),
  );
  const record = { spec: {}, epoch: 1, mark, processes: [], outputs: {} };
  writeFileSync(startedPath(bench.dir), JSON.stringify({ version: 1, records: [record] }));
  await bench.start();
  assert.equal(await promise, 'SIGKILL');
  assert.equal(existsSync(startedPath(bench.dir)), false);
  await bench.allBegun();
});

test('attributes of OCF agents that last until the node is started again are forgotten then, the others kept', async (context) => {
  const bench = await makeBench(context);
  const folders = [passingAttributesFolder(bench.dir), join(bench.dir, 'ocf-attributes')];
  for (const folder of folders) {
    await mkdir(folder, { recursive: true });
    writeFileSync(join(folder, 'master-pgsql'), '1000');
  }
  await bench.start();
  await bench.allBegun();
  assert.deepEqual(
    folders.map((folder) => existsSync(join(folder, 'master-pgsql'))),
    [false, true],
  );
});

test('a node ends with a service that leaves, whoever asked it to', async (context) => {
  const bench = await makeBench(context, { takesS: 0.5, leaveTimeoutMs: 20_000 });
  await bench.start();
  await bench.allBegun();
  connect(context, bench).leaving();
  await sleep(100);
  process.kill(bench.pidOf('service'), 'SIGTERM');
  await bench.ended;
  assert.equal(bench.begun('service'), 1);
});

test('a service that says that it still stops its groups is waited for, and one that says nothing is not', async (context) => {
  const leaving = { takesS: 3, leaveTimeoutMs: 1000 };
  const stopped = async (bench: Bench): Promise<void> => {
    await bench.start();
    await bench.allBegun();
    bench.launcher.stop();
  };
  const endedFirst = async (bench: Bench): Promise<string | undefined> => {
    await bench.ended;
    return readFileSync(join(bench.dir, 'ended'), 'utf8').split('\n')[0];
  };
  const silent = await makeBench(context, leaving);
  await stopped(silent);
  assert.equal(await endedFirst(silent), 'monitor');
  const saying = await makeBench(context, leaving);
  await stopped(saying);
  const client = connect(context, saying);
  const said = setInterval(() => client.leaving(), 100);
  context.after(() => clearInterval(said));
  assert.equal(await endedFirst(saying), 'service');
});
