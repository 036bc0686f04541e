import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Monitor, type MonitorHands } from '../../src/monitor/monitor.ts';
import type { ActionResult, ResourceReport, ResourceSpec, ResourceState } from '../../src/ports.ts';
import { unlessStalled } from '../../../runtime/test/support/stalls.ts';
import { app, FakeHeart, makeHands } from './hands.ts';

const FOREVER = ['/bin/sleep', '1000'];
/** Of what hangs; nothing here takes long. */
const TIMEOUT_MS = 60_000;

class Bench {
  readonly hands: MonitorHands;
  readonly heart = new FakeHeart();
  monitor: Monitor;
  reports: readonly ResourceReport[] = [];

  constructor(hands: MonitorHands) {
    this.hands = hands;
    this.monitor = this.#make();
  }

  /** As after `kill -9`: nothing is told, nothing is cleaned up. */
  async restart(): Promise<void> {
    this.monitor.close();
    this.heart.forgetMonitor();
    this.monitor = this.#make();
    await this.open();
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.monitor.open((error) => (error ? reject(error) : resolve())),
    );
  }

  lease(forMs = 60_000, graceMs = 0, epoch = 1): void {
    this.heart.lease('g', epoch, this.hands.world.clock.bootMs() + forMs, graceMs);
  }

  start(spec: ResourceSpec, epoch = 1): Promise<ActionResult> {
    return new Promise((resolve) => this.monitor.start(spec, epoch, TIMEOUT_MS, resolve));
  }

  stop(spec: ResourceSpec): Promise<ActionResult> {
    return new Promise((resolve) => this.monitor.stop(spec, TIMEOUT_MS, resolve));
  }

  probe(spec: ResourceSpec): Promise<ResourceState> {
    return new Promise((resolve) => this.monitor.probe(spec, resolve));
  }

  kill(): Promise<void> {
    return new Promise((resolve) => this.monitor.kill('g', () => resolve()));
  }

  async reported(state: ResourceState): Promise<ResourceReport> {
    for (const startedMs = performance.now(); performance.now() - startedMs < TIMEOUT_MS; await sleep(20)) {
      const found = this.reports.find((report) => report.state === state);
      if (found) return found;
    }
    return assert.fail(`never reported ${state}: ${JSON.stringify(this.reports)}`);
  }

  get pid(): number {
    return this.heart.registrations[0]?.processes[0]?.pid ?? assert.fail('nothing is registered');
  }

  #make(): Monitor {
    const monitor = new Monitor(this.hands, this.heart);
    monitor.onReport((reports) => {
      this.reports = reports;
    });
    return monitor;
  }
}

async function makeBench(context: TestContext): Promise<Bench> {
  const bench = new Bench(await makeHands(context));
  context.after(async () => {
    await bench.kill();
    bench.monitor.close();
  });
  await bench.open();
  return bench;
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(status(pid));
const status = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return 'State: Z';
  }
};

test('a program is started in its folder with its environment, and stopped', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const folder = bench.hands.dir;
  const script = 'echo "$GREETING from $PWD" > said; exec sleep 1000';
  const spec = app({ command: ['/bin/sh', '-c', script], directory: folder, env: { GREETING: 'hello' } });
  assert.equal((await bench.start(spec)).ok, true);
  assert.equal(readFileSync(join(folder, 'said'), 'utf8'), `hello from ${folder}\n`);
  await bench.reported('running');
  const { pid } = bench;
  assert.equal((await bench.stop(spec)).ok, true);
  assert.equal(isAlive(pid), false);
  assert.deepEqual(bench.heart.registrations, []);
  assert.equal(await bench.probe(spec), 'stopped');
});

test('what somebody else has started is found, and stopped', async (context) => {
  const bench = await makeBench(context);
  const directory = join(bench.hands.dir, 'mounted');
  const spec = {
    group: 'g',
    name: 'fs',
    type: 'filesystem',
    params: { device: 'proc', directory, fstype: 'proc' },
  };
  const find = (): Promise<boolean | undefined> =>
    new Promise((resolve) => bench.monitor.find(spec, TIMEOUT_MS, resolve));
  assert.equal(await find(), false);
  if (process.getuid?.() !== 0) return context.skip('needs root');
  mkdirSync(directory);
  execFileSync('mount', ['-t', 'proc', 'proc', directory]);
  context.after(() => spawnSync('umount', ['--lazy', directory]));
  assert.equal(await find(), true);
  assert.equal((await bench.stop(spec)).ok, true);
  assert.equal(await find(), false);
  assert.equal(
    await new Promise((resolve) => bench.monitor.find(app({ command: FOREVER }), TIMEOUT_MS, resolve)),
    false,
  );
});

test('nothing starts without a lease of its epoch', async (context) => {
  const bench = await makeBench(context);
  const spec = app({ command: FOREVER });
  const early = bench.start(spec);
  bench.lease();
  assert.equal((await early).ok, true, 'a start waits for its lease');
  await bench.stop(spec);
  const refused = await bench.start(spec, 2);
  assert.match(refused.reason, /holds no lease of group g \(epoch 2\)/);
  assert.deepEqual(bench.heart.registrations, []);
});

test('a program that ends at once has not started, and says where to look', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const result = await bench.start(app({ command: ['/bin/sh', '-c', 'echo no database >&2; exit 3'] }));
  assert.equal(result.ok, false);
  const log = /see (.*)$/.exec(result.reason)?.[1] ?? assert.fail(result.reason);
  assert.equal(readFileSync(log, 'utf8'), 'no database\n');
});

test('an end is reported when it happens, not at the next check', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  await bench.start(app({ command: FOREVER, check: { quick: { command: ['/bin/true'], interval: '1h' } } }));
  await bench.reported('running');
  process.kill(bench.pid, 'SIGKILL');
  const report = await bench.reported('failed');
  assert.equal(report.reason, 'its process ended with SIGKILL');
});

test('a failing check is reported with its reason, and so is its recovery', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  let statusCode = 200;
  const server = createServer((_request, response) => void response.writeHead(statusCode).end('x'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const http = `http://127.0.0.1:${port}/health`;
  const spec = app({ command: FOREVER, check: { quick: { http, interval: '100ms' } } });
  assert.equal((await bench.start(spec)).ok, true);
  statusCode = 503;
  assert.equal((await bench.reported('failed')).reason, 'HTTP status 503');
  statusCode = 200;
  await bench.reported('running');
});

test('a check command that hangs is a failed check', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const quick = { command: ['/bin/true'], interval: '1h' };
  const deep = { command: FOREVER, interval: '100ms', timeout: '200ms' };
  await bench.start(app({ command: FOREVER, check: { quick, deep } }));
  assert.equal((await bench.reported('failed')).reason, 'check command /bin/sleep: took longer than 200 ms');
});

test('a restarted monitor adopts what runs, and starts nothing twice', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const spec = app({ command: FOREVER });
  await bench.start(spec);
  const { pid } = bench;
  await bench.restart();
  bench.lease();
  await bench.reported('running');
  assert.equal((await bench.start(spec)).ok, true);
  assert.equal(bench.pid, pid);
  process.kill(pid, 'SIGKILL');
  await bench.reported('failed');
});

test('a lapsed lease kills the group, the daemon that left it too; no stop is asked', async (context) => {
  await unlessStalled(async () => {
    const bench = await makeBench(context);
    const [leaseMs, graceMs] = [1000, 2000];
    bench.lease(leaseMs, graceMs);
    const said = join(bench.hands.dir, 'asked');
    const script = `trap 'touch ${said}' TERM; setsid sleep 1000 & echo $! > ${said}.pid; while :; do sleep 1; done`;
    assert.equal((await bench.start(app({ command: ['/bin/sh', '-c', script] }))).ok, true);
    const { pid } = bench;
    const daemon = Number(readFileSync(`${said}.pid`, 'utf8'));
    await sleep(leaseMs);
    assert.equal(isAlive(pid), true, 'within its grace it lives');
    const report = await bench.reported('stopped');
    assert.match(report.reason, /lease of its group has lapsed/);
    // The report follows the signal; a loaded machine may take a moment to end them.
    for (const startedMs = performance.now(); isAlive(pid) || isAlive(daemon); await sleep(10))
      assert.ok(performance.now() - startedMs < TIMEOUT_MS, 'both are killed');
    assert.equal(existsSync(said), false);
  });
});

test('what ignores SIGTERM is killed within the time its stop has', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const spec = app({ command: ['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"] });
  await bench.start(spec);
  const { pid } = bench;
  const result = await new Promise<ActionResult>((resolve) => bench.monitor.stop(spec, 4000, resolve));
  assert.equal(result.ok, true, result.reason);
  assert.equal(isAlive(pid), false);
});

test('parameters that make no sense are refused with a sentence', async (context) => {
  const bench = await makeBench(context);
  bench.lease();
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /either a command or an agent/],
    [{ command: [] }, /command is empty/],
    [{ command: FOREVER, colour: 'red' }, /colour is unknown/],
    [{ command: FOREVER, check: { quick: {} } }, /exactly one of command, http and tcp/],
    [{ command: FOREVER, check: { quick: { tcp: 'a:1', interval: '1ms' } } }, /at least 100ms/],
    [{ command: FOREVER, user: 'nobody-knows-me' }, /there is no user/],
  ];
  for (const [params, message] of cases) assert.match((await bench.start(app(params))).reason, message);
});

test(
  'a program runs as the identity it was given',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (context) => {
    const bench = await makeBench(context);
    bench.lease();
    await bench.start(app({ command: FOREVER, user: 'nobody' }));
    const uids = /^Uid:\s+(.*)$/m.exec(status(bench.pid))?.[1]?.split('\t');
    assert.deepEqual(uids, ['65534', '65534', '65534', '65534']);
  },
);
